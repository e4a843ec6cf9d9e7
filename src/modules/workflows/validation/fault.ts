/** What is wrong with a definition. */
export type Fault = {
  /** From the definition down, e.g. `['steps', '3', 'config', 'then', '0']`. */
  path: readonly string[];
  /** Completes the sentence `<path> …`, and names the step by its name. */
  message: string;
};

export const quoted = (name: string) => JSON.stringify(name);

/** Where in a definition a step is, with what follows from there. */
export const atStep = (index: number, ...path: readonly string[]): string[] => [
  'steps',
  String(index),
  ...path,
];
