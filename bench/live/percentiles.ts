/** Null where there is nothing to take them of. */
export type Percentiles = { p50: number | null; p99: number | null };

export function percentiles(values: readonly number[]): Percentiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? null;
  return { p50: at(0.5), p99: at(0.99) };
}

/** Milliseconds for a table. */
export function inTable(milliseconds: number | null | undefined): string {
  return milliseconds?.toFixed(1) ?? '–';
}
