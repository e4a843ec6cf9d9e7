import type { ExecutionArgs, ExecutionResult } from 'graphql';
import type { Lease } from '../platform/db/lease.ts';
import type { Context, OperationContext } from './context.ts';
import { asGraphqlError } from './errors.ts';
import { operationTimedOut } from './masking.ts';
import type { Execute } from './planned-queries.ts';

/** How long an operation may take, and what executes it. */
export type Executing = { timeoutMs: number; execute: Execute };

/** Executes with one lease, which is given back however the execution ends: result, error, timeout or abort. */
export async function executeLeased(
  args: ExecutionArgs & { contextValue: OperationContext },
  { timeoutMs, execute }: Executing,
): Promise<ExecutionResult> {
  const operation = args.contextValue;
  const deadline = createDeadline(operation.signal, timeoutMs);
  let lease: Lease | undefined;
  try {
    const leaseAndExecute = async () => {
      const { signal } = deadline;
      lease = await leaseOf(operation, signal);
      const contextValue: Context = { ...operation, signal, db: lease, perLease: new Map() };
      return await lease.run(async () => execute({ ...args, contextValue }));
    };
    return await deadline.bounds(leaseAndExecute());
  } catch (error) {
    return { errors: [asGraphqlError(error)] };
  } finally {
    lease?.release();
    deadline[Symbol.dispose]();
  }
}

/** A lease that comes too late, after the operation is over, is given back at once. */
async function leaseOf({ viewerDb, identity }: OperationContext, signal: AbortSignal): Promise<Lease> {
  const lease = await viewerDb.lease(identity.claims, { signal });
  if (signal.aborted) {
    lease.release();
    signal.throwIfAborted();
  }
  return lease;
}

/** Ends what it bounds when the signal aborts or the time is over; what still runs is left to its lease's guard. */
function createDeadline(signal: AbortSignal, timeoutMs: number) {
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => controller.abort(operationTimedOut(timeoutMs)), timeoutMs);
  return {
    signal: controller.signal,
    bounds<T>(work: Promise<T>): Promise<T> {
      const { promise, reject } = Promise.withResolvers<never>();
      const over = () => reject(controller.signal.reason);
      if (controller.signal.aborted) over();
      controller.signal.addEventListener('abort', over, { once: true });
      return Promise.race([work, promise]).finally(() =>
        controller.signal.removeEventListener('abort', over),
      );
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}
