import {
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  getOperationAST,
  type OperationDefinitionNode,
} from 'graphql';
import { planQuery, type QueryPlan } from './query-plan.ts';

type Known = { uses: number; plan?: QueryPlan | undefined };

/** A plan takes memory, which a document that comes once does not repay. */
const USES_BEFORE_PLANNING = 2;

export type Execute = (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;

/**
 * Executes operations; a query that keeps coming is planned. Keyed by the parsed operation: the pipeline gives the same
 * text the same document while it is in its cache.
 */
export function createExecutor(): Execute {
  const known = new WeakMap<OperationDefinitionNode, Known>();

  function planFor({ schema, document, operationName }: ExecutionArgs): QueryPlan | undefined {
    const operation = getOperationAST(document, operationName);
    if (!operation) return undefined;
    const seen = known.get(operation) ?? { uses: 0 };
    known.set(operation, seen);
    seen.uses += 1;
    if (seen.uses === USES_BEFORE_PLANNING) seen.plan = planQuery(schema, document, operation);
    return seen.plan;
  }

  return (args) => {
    const plan = planFor(args);
    return plan ? executePlanned(plan, args) : execute(args);
  };
}

/** A query has no effects, so one whose answer has errors is executed again by graphql-js, which tells them. */
async function executePlanned(plan: QueryPlan, args: ExecutionArgs): Promise<ExecutionResult> {
  const data = await plan(args);
  return data ? { data } : await execute(args);
}
