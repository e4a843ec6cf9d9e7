import { storedEnum } from '../../graphql/stored-enum.ts';
import { STEP_TYPES } from '../steps/vocabulary.ts';
import { CATEGORIES, EXECUTION_STATUSES, LOG_STATUSES, TRIGGER_TYPES } from './vocabulary.ts';

export const WorkflowCategory = storedEnum('WorkflowCategory', 'What a workflow is for.', CATEGORIES);
export const WorkflowExecutionStatus = storedEnum(
  'WorkflowExecutionStatus',
  'How far a run of a workflow has come.',
  EXECUTION_STATUSES,
);
export const WorkflowExecutionLogStatus = storedEnum(
  'WorkflowExecutionLogStatus',
  'A state that a run of a workflow passed through.',
  LOG_STATUSES,
);
export const WorkflowStepType = storedEnum('WorkflowStepType', 'What a step does.', STEP_TYPES);
export const WorkflowTriggerType = storedEnum(
  'WorkflowTriggerType',
  'How executions of a workflow begin.',
  TRIGGER_TYPES,
);
