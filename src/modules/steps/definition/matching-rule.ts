import { z } from 'zod';
import { jsonObject, text } from '../../../graphql/validation.ts';

const field = text(200);
const tolerance = z.number({ error: 'must be a number' }).min(0, 'must not be negative').optional();

const WITHOUT_FIELD = 'needs a field, or fieldA and fieldB, or newerBy';

const rule = z
  .strictObject(
    {
      field: field.optional(),
      fieldA: field.optional(),
      fieldB: field.optional(),
      /** How much two numbers may differ. */
      tolerance,
      /** How many days two dates may differ; half a day is 0.5. */
      toleranceDays: tolerance,
      caseInsensitive: z.boolean({ error: 'must be true or false' }).optional(),
      newerBy: field.optional(),
    },
    {
      error: ({ code, keys }) =>
        code === 'unrecognized_keys'
          ? `must not have ${(keys as string[]).map((key) => `"${key}"`).join(', ')}`
          : 'must be a JSON object',
    },
  )
  .superRefine((given, { addIssue }) => {
    const message = faultOf(given);
    if (message) addIssue({ code: 'custom', message });
  });

/**
 * What makes two records the same, or, as `{"newerBy": "updatedAt"}`, which field tells the newer of two. The fields are
 * names or paths such as `customer.id`. The API takes it as JSON, so that unknown keys reach this check and are refused.
 */
export const matchingRule = jsonObject.pipe(rule);

export type MatchingRule = z.infer<typeof matchingRule>;

type Given = { [Key in 'field' | 'fieldA' | 'fieldB' | 'newerBy']?: string | undefined } & {
  tolerance?: number | undefined;
  toleranceDays?: number | undefined;
  caseInsensitive?: boolean | undefined;
};

function faultOf(rule: Given): string | undefined {
  if (rule.newerBy !== undefined) {
    return Object.keys(rule).length > 1 ? 'must have nothing beside newerBy' : undefined;
  }
  const hasPair = rule.fieldA !== undefined || rule.fieldB !== undefined;
  if (rule.field !== undefined && hasPair) return 'must have either field, or fieldA and fieldB';
  if (hasPair && (rule.fieldA === undefined || rule.fieldB === undefined))
    return 'needs both fieldA and fieldB';
  if (rule.field === undefined && !hasPair) return WITHOUT_FIELD;
  const ways = [rule.tolerance, rule.toleranceDays, rule.caseInsensitive || undefined];
  return ways.filter((way) => way !== undefined).length > 1
    ? 'must have only one of tolerance, toleranceDays and caseInsensitive'
    : undefined;
}
