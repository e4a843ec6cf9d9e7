import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  getOperationAST,
} from 'graphql';
import type { Lease } from '../platform/db/viewer.ts';
import { messageOf } from '../platform/errors.ts';
import type { Context, OperationContext } from './context.ts';
import { operationTimedOut } from './masking.ts';

/** Executes with one lease, which is given back however the execution ends: result, error, timeout or abort. */
export async function executeLeased(
  args: ExecutionArgs & { contextValue: OperationContext },
  timeoutMs: number,
): Promise<ExecutionResult> {
  const operation = args.contextValue;
  using deadline = createDeadline(operation.signal, timeoutMs);
  let lease: Lease | undefined;
  try {
    lease = await deadline.bounds(leaseOf(operation, deadline.signal));
    const contextValue: Context = { ...operation, signal: deadline.signal, db: lease, perLease: new Map() };
    return await deadline.bounds(lease.run(async () => execute({ ...args, contextValue })));
  } catch (error) {
    return { errors: [wrapped(error)] };
  } finally {
    lease?.release();
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

/**
 * Subscribes: the source holds no lease (it takes one for each read), and each event is executed with one of its
 * own, unless the field says by its extension `carriesData` that its events need no database.
 */
export async function subscribeLeased(
  args: ExecutionArgs & { contextValue: OperationContext },
  timeoutMs: number,
): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return source;
  const executeEvent = carriesData(args)
    ? async (event: ExecutionArgs) => execute(event)
    : (event: ExecutionArgs) => executeLeased({ ...event, contextValue: args.contextValue }, timeoutMs);
  return executed(source[Symbol.asyncIterator](), (event) => executeEvent({ ...args, rootValue: event }));
}

/**
 * The results of a source's events, each made when it is asked for. Returning ends the source at once, also while
 * it waits. An error of the source is the last result, so that it is masked like any other.
 */
function executed(
  events: AsyncIterator<unknown>,
  executeEvent: (event: unknown) => Promise<ExecutionResult>,
): AsyncIterableIterator<ExecutionResult> {
  const end = { done: true, value: undefined } as const;
  let isOver = false;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (isOver) return end;
      try {
        const event = await events.next();
        return event.done || isOver ? end : { done: false, value: await executeEvent(event.value) };
      } catch (error) {
        isOver = true;
        return { done: false, value: { errors: [wrapped(error)] } };
      }
    },
    async return() {
      isOver = true;
      await events.return?.();
      return end;
    },
    async throw(error) {
      isOver = true;
      await events.return?.();
      throw error;
    },
  };
}

function wrapped(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  return new GraphQLError(messageOf(error), { originalError: error instanceof Error ? error : null });
}

function carriesData({ schema, document, operationName }: ExecutionArgs): boolean {
  const fields = schema.getSubscriptionType()?.getFields() ?? {};
  const selected = getOperationAST(document, operationName)?.selectionSet.selections ?? [];
  return selected.every(
    (selection) =>
      selection.kind === 'Field' && fields[selection.name.value]?.extensions.carriesData === true,
  );
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
