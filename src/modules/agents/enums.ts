import { enumOf } from '../../graphql/json-shapes.ts';
import { plainEnum, storedEnum } from '../../graphql/stored-enum.ts';
import { category, executionStatus, outputType, planningStyle } from './shapes.ts';
import { DECISIONS, STEP_KINDS, STEP_STATES } from './vocabulary.ts';

export const AgentCategory = enumOf(category);
export const AgentPlanningStyle = enumOf(planningStyle);
export const AgentOutputType = enumOf(outputType);
export const AgentExecutionStatus = enumOf(executionStatus);
export const AgentApprovalDecision = plainEnum(
  'AgentApprovalDecision',
  'What a person has decided about a call of a tool.',
  DECISIONS,
);
export const AgentStepKind = storedEnum(
  'AgentRunStepKind',
  'What happened in a step of an agent’s run.',
  STEP_KINDS,
);
export const AgentStepState = storedEnum(
  'AgentRunStepState',
  'How far a step of an agent’s run has come.',
  STEP_STATES,
);
