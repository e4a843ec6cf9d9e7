/** Hosts that a request is held to; `*.example.com` stands for any name below, not for example.com itself. */
export type HostLimits = {
  /** The only ones; undefined: any. An empty list allows none. */
  allowed?: readonly string[] | undefined;
  /** Not these, also where they are allowed. */
  blocked?: readonly string[] | undefined;
};

/** @param host as URL has it: in lower case, names in punycode */
export function isWithinLimits(host: string, { allowed, blocked }: HostLimits): boolean {
  const matches = (pattern: string) => matchesPattern(host, pattern);
  return !blocked?.some(matches) && (allowed === undefined || allowed.some(matches));
}

export function matchesPattern(host: string, pattern: string): boolean {
  const [name, wanted] = [normal(host), normal(pattern)];
  return wanted.startsWith('*.')
    ? name.endsWith(wanted.slice(1)) && name.length >= wanted.length
    : name === wanted;
}

/** A dot at the end makes no other name. */
function normal(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}
