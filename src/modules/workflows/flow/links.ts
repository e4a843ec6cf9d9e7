/** What a step names other steps by, in the order of `LINKS`; ids are in lower case. */
export type Linked = {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  /** Its place in the array of steps, from 0. */
  readonly index: number;
  /** What follows it instead of the next in its list; undefined where it says nothing. */
  readonly next: readonly string[] | undefined;
  readonly then: readonly string[];
  readonly else: readonly string[];
  readonly loop: readonly string[];
  readonly fallback: readonly string[];
  readonly compensate: readonly string[];
};

/** The ways in which a step takes others into a place of its own; `next` only says what follows. */
export const HOLDS = ['then', 'else', 'loop', 'fallback', 'compensate'] as const;
export type Hold = (typeof HOLDS)[number];

/** Where in a step each of its links stands. */
export const LINK_PATHS: Readonly<Record<Hold | 'next', readonly string[]>> = {
  then: ['config', 'then'],
  else: ['config', 'else'],
  loop: ['config', 'stepIds'],
  fallback: ['fallbackStepId'],
  compensate: ['metadata', 'compensate'],
  next: ['metadata', 'next'],
};

/** Twice what may be written: rows that other programs wrote may hold anything, and lists of lists take their time. */
const MAX_READ = 200;

/**
 * The steps of a definition as far as the flow is concerned. Takes anything, since stored definitions may hold anything:
 * what is no step with an id is left out, and what is no id is not named.
 */
export function linksOf(steps: unknown): Linked[] {
  if (!Array.isArray(steps)) return [];
  return steps.slice(0, MAX_READ).flatMap((step: unknown, index) => {
    const id = idIn(read(step, 'id'));
    if (id === undefined) return [];
    const type = textIn(read(step, 'type')) ?? '';
    const config = read(step, 'config');
    const metadata = read(step, 'metadata');
    const next = read(metadata, 'next');
    const isCondition = type === 'condition';
    return {
      ...{ id, type, index, name: textIn(read(step, 'name')) ?? id },
      next: Array.isArray(next) ? idsIn(next) : undefined,
      then: isCondition ? idsIn(read(config, 'then')) : [],
      else: isCondition ? idsIn(read(config, 'else')) : [],
      loop: type === 'loop' ? idsIn(read(config, 'stepIds')) : [],
      fallback: idsIn([read(step, 'fallbackStepId')]),
      compensate: idsIn([read(metadata, 'compensate')]),
    };
  });
}

export function read(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function idIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.toLowerCase() : undefined;
}

function idsIn(values: unknown): string[] {
  if (!Array.isArray(values)) return [];
  return values.slice(0, MAX_READ).flatMap((value) => idIn(value) ?? []);
}
