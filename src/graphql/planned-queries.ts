import {
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  getOperationAST,
  type OperationDefinitionNode,
} from 'graphql';
import { planQuery, type QueryPlan } from './query-plan.ts';

type Planned = { plan: QueryPlan; forget(): void };
type Known = { uses: number; planned?: Planned | undefined };

/** A plan takes memory, which a document that comes once does not repay. */
const USES_BEFORE_PLANNING = 2;

export type Execute = (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;

/**
 * Executes operations; a query that keeps coming is planned, and so is a subscription, whose every event is executed. Keyed by the parsed operation: the pipeline gives the same
 * text the same document while it is in its cache.
 */
export function createExecutor(): Execute {
  const known = new WeakMap<OperationDefinitionNode, Known>();

  function planFor({ schema, document, operationName }: ExecutionArgs): Planned | undefined {
    const operation = getOperationAST(document, operationName);
    if (!operation) return undefined;
    const seen: Known = known.get(operation) ?? { uses: 0 };
    known.set(operation, seen);
    seen.uses += 1;
    if (seen.uses === USES_BEFORE_PLANNING) {
      const plan = planQuery(schema, document, operation);
      const forget = () => {
        seen.planned = undefined;
      };
      seen.planned = plan && { plan, forget };
    }
    return seen.planned;
  }

  /** Has no effects, so where its answer has errors it is executed again by graphql-js, which tells them. */
  async function executePlanned(planned: Planned, args: ExecutionArgs): Promise<ExecutionResult> {
    const data = await planned.plan(args);
    if (data) return { data };
    const result = await execute(args);
    // There was nothing to tell, so it was the plan that did not understand the query, and will not the next time.
    if (!result.errors) planned.forget();
    return result;
  }

  return (args) => {
    const planned = planFor(args);
    return planned ? executePlanned(planned, args) : execute(args);
  };
}
