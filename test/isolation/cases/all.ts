import type { Cases } from '../case.ts';
import { accounts } from './accounts.ts';
import { agents } from './agents.ts';
import { billing } from './billing.ts';
import { executions } from './executions.ts';
import { observability } from './observability.ts';
import { training } from './training.ts';
import { workflows } from './workflows.ts';

/** The cases of every module. */
export const cases: Cases = {
  ...accounts,
  ...observability,
  ...billing,
  ...executions,
  ...training,
  ...agents,
  ...workflows,
};
