/** Who asks for more is asked again after a day. */
const LONGEST_MS = 24 * 3_600_000;

/** A Retry-After header, in seconds or as a date, in milliseconds from now; undefined where it says nothing. */
export function retryAfterMs(header: string | string[] | undefined, now = Date.now()): number | undefined {
  const text = (Array.isArray(header) ? header[0] : header)?.trim();
  if (!text) return undefined;
  const ms = /^\d{1,10}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), LONGEST_MS);
}
