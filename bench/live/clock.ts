/** CLOCK_MONOTONIC in microseconds, the same for all processes of a machine. */
export function microseconds(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
