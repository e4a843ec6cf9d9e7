/** What a notification may come from, with what it means. */
export const SOURCE_KINDS = {
  training: 'A training run.',
  agent: 'A run of an agent.',
  workflow: 'A run of a workflow.',
} as const;

export type SourceKind = keyof typeof SOURCE_KINDS;
