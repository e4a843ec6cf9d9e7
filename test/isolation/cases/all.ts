import type { Case, Cases } from '../case.ts';
import { accounts } from './accounts.ts';
import { agents } from './agents.ts';
import { billing } from './billing.ts';
import { executions } from './executions.ts';
import { observability } from './observability.ts';
import { training } from './training.ts';
import { workflows } from './workflows.ts';

const modules: Cases = {
  ...accounts,
  ...observability,
  ...billing,
  ...executions,
  ...training,
  ...agents,
  ...workflows,
};

/** What `node` gives is asked for by `nodes` as well. */
const nodes = Object.entries(modules)
  .filter(([coordinate]) => coordinate.startsWith('Query.node('))
  .map(([coordinate, how]): [string, Case[]] => [
    coordinate.replace('Query.node(', 'Query.nodes('),
    [how].flat().map((one: Case): Case => ({ ...one, call: 'nodes(ids: [$id])' })),
  ]);

/** The cases of every module. */
export const cases: Cases = { ...modules, ...Object.fromEntries(nodes) };
