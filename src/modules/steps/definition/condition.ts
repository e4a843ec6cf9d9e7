import { z } from 'zod';
import { text } from '../../../graphql/validation.ts';
import { notObject, vocabulary } from '../../../platform/shapes.ts';
import { LOGICAL_OPERATORS, OPERATORS } from '../vocabulary.ts';
import { anyJson } from './pieces.ts';

/** What a pattern may be long: matching takes time in proportion to it, also with RE2. */
const MAX_PATTERN = 500;

const WITHOUT_VALUE = ['exists', 'notExists'];

export const condition = z
  .object(
    {
      field: text(500).describe('What is looked at: an expression, e.g. `input.amount`.'),
      operator: vocabulary('WorkflowOperator', 'How a field is compared with a value.', OPERATORS).describe(
        'How it is compared.',
      ),
      value: anyJson.optional().describe('With what; for regex the pattern, of at most 500 characters.'),
      logicalOperator: vocabulary(
        'WorkflowLogicalOperator',
        'How a condition is joined to those before it, from left to right.',
        LOGICAL_OPERATORS,
      )
        .optional()
        .describe('How it is joined to those before it. Default: and.'),
    },
    notObject,
  )
  .superRefine(({ operator, value }, { addIssue }) => {
    const fault = (message: string) => addIssue({ code: 'custom', path: ['value'], message });
    if (operator === 'regex') {
      if (typeof value !== 'string' || value === '') fault('must be a pattern');
      else if (value.length > MAX_PATTERN) fault(`must be a pattern of at most ${MAX_PATTERN} characters`);
      else if (!isPattern(value)) fault('must be a valid regular expression');
    } else if (value === undefined && !WITHOUT_VALUE.includes(operator)) fault('is required');
  })
  .meta({ title: 'WorkflowCondition', typeDescription: 'A comparison of a field with a value.' });

export type Condition = z.infer<typeof condition>;

/** Compiles it and matches nothing: what backtracks without end does so only when it is matched. */
function isPattern(pattern: string): boolean {
  try {
    new RegExp(pattern, 'u');
    return true;
  } catch {
    return false;
  }
}
