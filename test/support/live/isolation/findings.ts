/** What is wrong, by kind: how often it was seen, and what the first one looked like. Empty where nothing is. */
export type Findings = Record<string, { count: number; first: string }>;

export function note(findings: Findings, kind: string, example: string): void {
  const known = findings[kind];
  if (known) known.count += 1;
  else findings[kind] = { count: 1, first: example };
}
