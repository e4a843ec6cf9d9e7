import { z } from 'zod';
import { text } from '../../../graphql/validation.ts';
import { notObject, vocabulary } from '../../../platform/shapes.ts';
import { LOGICAL_OPERATORS, OPERATORS } from '../vocabulary.ts';
import { patternFault } from './pattern.ts';
import { anyJson } from './pieces.ts';

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
      const message = patternFault(value);
      if (message) fault(message);
    } else if (value === undefined && !WITHOUT_VALUE.includes(operator)) fault('is required');
  })
  .meta({ title: 'WorkflowCondition', typeDescription: 'A comparison of a field with a value.' });

export type Condition = z.infer<typeof condition>;
