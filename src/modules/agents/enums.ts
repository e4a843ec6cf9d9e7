import { enumOf } from '../../graphql/json-shapes.ts';
import { category, executionStatus, outputType, planningStyle } from './shapes.ts';

export const AgentCategory = enumOf(category);
export const AgentPlanningStyle = enumOf(planningStyle);
export const AgentOutputType = enumOf(outputType);
export const AgentExecutionStatus = enumOf(executionStatus);
