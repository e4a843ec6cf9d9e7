import type { Cases } from '../case.ts';
import { entriesOf } from '../coverage.ts';
import { accounts } from './accounts.ts';
import { agents } from './agents.ts';
import { billing } from './billing.ts';
import { executions } from './executions.ts';
import { notifications } from './notifications.ts';
import { observability } from './observability.ts';
import { secrets } from './secrets.ts';
import { training } from './training.ts';
import { triggers } from './triggers.ts';
import { workflows } from './workflows.ts';

const ofModules: Cases = {
  ...accounts,
  ...notifications,
  ...secrets,
  ...observability,
  ...billing,
  ...executions,
  ...training,
  ...agents,
  ...workflows,
  ...triggers,
};

/** Whatever `node(id:)` gives or keeps, `nodes(ids:)` does. */
const several = entriesOf(ofModules)
  .filter(([coordinate]) => coordinate.startsWith('Query.node('))
  .map(([coordinate, how]) => [coordinate.replace('node(', 'nodes('), { ...how, call: 'nodes(ids: [$id])' }]);

/** The cases of every module. */
export const cases: Cases = { ...ofModules, ...Object.fromEntries(several) };
