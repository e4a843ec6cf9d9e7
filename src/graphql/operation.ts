import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  getOperationAST,
} from 'graphql';
import type { Lease } from '../platform/db/lease.ts';
import { messageOf } from '../platform/errors.ts';
import { millisecondsLeft } from './authorization.ts';
import type { Context, OperationContext } from './context.ts';
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
    return { errors: [wrapped(error)] };
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

/**
 * Subscribes: the source holds no lease (it takes one for each read), and each event is executed with one of its
 * own, unless the field says by its extension `carriesData` that its events need no database.
 *
 * @param endAtExpiry whether it ends by itself when the token expires; a WebSocket closes as a whole instead
 */
export async function subscribeLeased(
  args: ExecutionArgs & { contextValue: OperationContext },
  executing: Executing,
  endAtExpiry: boolean,
): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
  const expiry = endAtExpiry ? createExpiry(args.contextValue) : undefined;
  const contextValue = { ...args.contextValue, ...(expiry && { signal: expiry.signal }) };
  const source = await createSourceEventStream({ ...args, contextValue });
  if (!(Symbol.asyncIterator in source)) {
    expiry?.[Symbol.dispose]();
    return source;
  }
  const executeEvent = carriesData(args)
    ? async (event: ExecutionArgs) => execute(event)
    : (event: ExecutionArgs) => executeLeased({ ...event, contextValue: args.contextValue }, executing);
  return executed(
    source[Symbol.asyncIterator](),
    (event) => executeEvent({ ...args, rootValue: event }),
    expiry,
  );
}

/**
 * The results of a source's events, each made when it is asked for. Returning ends the source at once, also while
 * it waits. An error of the source is the last result, so that it is masked like any other.
 */
function executed(
  events: AsyncIterator<unknown>,
  executeEvent: (event: unknown) => Promise<ExecutionResult>,
  expiry: Expiry | undefined,
): AsyncIterableIterator<ExecutionResult> {
  const end = { done: true, value: undefined } as const;
  let isOver = false;
  const over = () => {
    isOver = true;
    expiry?.[Symbol.dispose]();
    return end;
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (isOver) return over();
      try {
        const event = await events.next();
        if (!event.done && !isOver) return { done: false, value: await executeEvent(event.value) };
        if (isOver || !expiry?.hasExpired) return over();
        isOver = true;
        return { done: false, value: { errors: [tokenExpired()] } };
      } catch (error) {
        isOver = true;
        return { done: false, value: { errors: [wrapped(error)] } };
      }
    },
    async return() {
      over();
      await events.return?.();
      return end;
    },
    async throw(error) {
      over();
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

/** setTimeout takes 31 bits of milliseconds: whoever follows something for 24 days may connect again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

type Expiry = Disposable & { signal: AbortSignal; readonly hasExpired: boolean };

/** Aborts when the caller's token expires. */
function createExpiry({ signal, identity }: OperationContext): Expiry {
  const controller = new AbortController();
  const left = Math.min(millisecondsLeft(identity.claims) ?? LONGEST_TIMER_MS, LONGEST_TIMER_MS);
  const timer = setTimeout(() => controller.abort(), left);
  return {
    signal: AbortSignal.any([signal, controller.signal]),
    get hasExpired() {
      return controller.signal.aborted;
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

function tokenExpired(): GraphQLError {
  return new GraphQLError('The token has expired: subscribe again with a new one.', {
    extensions: { code: 'UNAUTHENTICATED' },
  });
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
