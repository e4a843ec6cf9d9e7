/** A timer that is wound up again and again, or stopped. */
export type Watchdog = { start(ms: number): void; stop(): void };

export function createWatchdog(onLate: () => void): Watchdog {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    start(ms) {
      clearTimeout(timer);
      timer = setTimeout(onLate, ms);
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
