/** Nobody is waited for longer than a day, whatever he asks. */
const LONGEST_MS = 86_400_000;

/**
 * The header Retry-After, in seconds or as a date, as milliseconds from now; undefined where it says neither.
 *
 * @param now milliseconds since 1970
 */
export function retryAfterOf(header: string | string[] | undefined, now: number): number | undefined {
  const text = [header ?? ''].flat()[0]?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, LONGEST_MS);
  // Dates begin with the day: Date.parse takes a great deal besides, "-5" for a year among it.
  const at = /^[A-Z][a-z]+,? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.min(Math.max(at - now, 0), LONGEST_MS);
}
