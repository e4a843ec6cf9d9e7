import { plainEnum } from '../../graphql/stored-enum.ts';

/** As the feed's functions take it. */
export const PRIORITY_MEANINGS = {
  low: 'When nothing else waits.',
  normal: 'In the order of the queue.',
  high: 'Before the normal ones.',
  urgent: 'Before all others.',
} as const;

export const ExecutionPriorityEnum = plainEnum(
  'ExecutionPriority',
  'How soon a run comes next among those of its tenant that wait.',
  PRIORITY_MEANINGS,
);
