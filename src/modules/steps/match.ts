import type { Sandbox } from '../../platform/sandbox/sandbox.ts';
import type { StepConfig } from './configs.ts';
import { quoteStepIds } from './expressions.ts';
import { isList } from './json.ts';
import { stepFailure } from './sandbox-failure.ts';
import type { StepRunner } from './step.ts';

export type MatchOutput = {
  /** Whether at least `threshold` of the fields match. */
  matched: boolean;
  /** The share of the fields that match, 0 to 1. */
  share: number;
  fields: { field: string; matches: boolean }[];
};

/** Looks for a pattern in fields. One that is a list matches where one of its texts does; what is no text never does. */
export function createMatch({ sandbox }: { sandbox: Sandbox }): StepRunner<StepConfig<'match'>> {
  return async ({ pattern, fields, threshold = 1 }, scope, { signal }): Promise<MatchOutput> => {
    try {
      const tasks = fields.map((field) => ({ source: quoteStepIds(field) }));
      const texts = (await sandbox.evaluate(tasks, scope, { signal })).map(textsOf);
      const hits = (await sandbox.matches(pattern, texts.flat(), { signal })).values();
      const matches = texts.map((ofField) => ofField.map(() => hits.next().value).some(Boolean));
      const share = matches.filter(Boolean).length / matches.length;
      return {
        matched: share >= threshold,
        share,
        fields: fields.map((field, index) => ({ field, matches: matches[index] ?? false })),
      };
    } catch (thrown) {
      throw stepFailure(thrown, (task) => (task === -1 ? 'pattern' : `fields.${task}`));
    }
  };
}

function textsOf(value: unknown): string[] {
  const values = isList(value) ? value : [value];
  return values.flatMap((inner) => searchable(inner) ?? []);
}

/** What a pattern can be looked for in; numbers as they are written in JSON. */
export function searchable(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
