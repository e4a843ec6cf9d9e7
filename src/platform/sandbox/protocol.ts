import type { SandboxFailure } from './errors.ts';

/** What the program and a process of the sandbox tell each other. Values cross as JSON text, which carries no code. */

/** JSON in pieces, to be joined: pieces are made one by one, so that no large value holds up the event loop. */
export type JsonText = readonly string[];

/** A value as JSON, or a long list as the JSON of its slices. */
export type ValueText = string | readonly string[];

export type Task = {
  /** JSONata. */
  source: string;
  /** More JSONata by name: what `$name` stands for in the source, functions above all. */
  bindings?: Readonly<Record<string, string>> | undefined;
};

export type Work =
  | { kind: 'evaluate'; tasks: readonly Task[]; scope: JsonText }
  | { kind: 'matches'; pattern: string; texts: readonly string[] }
  | { kind: 'validate'; schema: JsonText; value: JsonText }
  /** A module of the program's own: its default export gets the input and what the tasks have come to. */
  | { kind: 'run'; program: string; input: JsonText; tasks: readonly Task[]; scope: JsonText };

export type Request = {
  work: Work;
  /** Milliseconds that the tasks may take together. */
  evaluationMs: number;
  /** Characters of JSON that the results may have together. */
  resultSize: number;
};

export type Report =
  | { state: 'ready' }
  /** A phase begins, whose time is limited: reading what was sent and loading modules come before it. */
  | { state: 'begun' }
  | { state: 'done'; results: readonly ValueText[]; keys?: readonly string[]; ms: number }
  | { state: 'failed'; failure: SandboxFailure; ms: number }
  /** A fault of the program's own modules, not of what they were given. */
  | { state: 'broken'; message: string };
