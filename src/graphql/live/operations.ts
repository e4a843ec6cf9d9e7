import { setTimeout as wait } from 'node:timers/promises';
import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
} from 'graphql';
import { isOutage } from '../../platform/db/driver-errors.ts';
import type { Viewer } from '../../platform/live/access-watch.ts';
import type { LiveStats } from '../../platform/live/stats.ts';
import type { Identity, OperationContext } from '../context.ts';
import { asGraphqlError } from '../errors.ts';
import { withoutHttp } from '../limits/refusals.ts';
import { type Executing, executeLeased } from '../operation.ts';
import { EventGroup } from './event-group.ts';
import type { Group, GroupOptions } from './group.ts';
import { createShapes, type Shape } from './shape.ts';
import type { Sink } from './sink.ts';
import { LiveSource } from './source.ts';
import { StateGroup } from './state-group.ts';

export type LiveArgs = ExecutionArgs & { contextValue: OperationContext };

/** A subscription that was let through. It follows nothing before it is given a sink. */
export type LiveOperation = {
  /**
   * @param from number of the last event that the subscriber has after all, where it is larger than the operation's own
   * @returns leaves: the sink is given nothing more
   */
  follow(sink: Sink, from?: number): () => void;
};

/** Opens subscriptions: what they follow, or the errors that refuse them. */
export type OpenLive = (args: LiveArgs) => Promise<LiveOperation | ExecutionResult>;

type Options = {
  schema: GraphQLSchema;
  executing: Executing;
  /** What callers see of an error. */
  mask: (error: unknown) => GraphQLError;
  stats: LiveStats;
};

/** `identities` are those of the subscribers, by their sinks. */
type Kept = { group: Group; identities: Map<Sink, Identity> };

/**
 * All subscriptions of a process. Those of the same document, variables and stream share a group, as far as their answers
 * cannot differ: where a field depends on who asks, only those of the same user with the same claims do.
 */
export function createLiveOperations({ schema, executing, mask, stats }: Options): OpenLive {
  const shapeOf = createShapes(schema);
  const groups = new Map<string, Kept>();
  const failed = (error: unknown): ExecutionResult => ({ errors: [mask(asGraphqlError(error))] });

  function keep(key: string, { follows }: LiveSource, args: LiveArgs, shape: Shape): Kept {
    const known = groups.get(key);
    if (known) return known;
    const identities = new Map<Sink, Identity>();
    const viewer = anyOf(identities, args.contextValue.identity);
    const closing = new AbortController();
    const options: GroupOptions = {
      async execute(rootValue) {
        const asked = { identity: viewer, signal: closing.signal };
        const result = await executeFor(rootValue, args, shape, asked);
        // Given up because everybody has left: nobody is told, and nothing is wrong.
        if (closing.signal.aborted) return '';
        throwOutage(result);
        return jsonOf(result, mask);
      },
      failed,
      pause: (ms) => wait(ms, undefined, { signal: closing.signal, ref: false }).catch(() => undefined),
      onEmpty() {
        groups.delete(key);
        stats.groups -= 1;
        closing.abort();
        group.close();
      },
      stats,
    };
    const group: Group =
      follows.kind === 'events'
        ? new EventGroup(follows, follows.open(viewer), options)
        : new StateGroup(follows, follows.open(viewer), options);
    const kept = { group, identities };
    groups.set(key, kept);
    stats.groups += 1;
    return kept;
  }

  /** What is the same for all is executed without anybody's identity: a field that looked at it would fail. */
  async function executeFor(
    rootValue: unknown,
    args: LiveArgs,
    { isSameForAll }: Shape,
    asked: Pick<OperationContext, 'identity' | 'signal'>,
  ): Promise<ExecutionResult> {
    if (isSameForAll) return await executing.execute({ ...args, rootValue, contextValue: {} });
    const contextValue = { ...args.contextValue, ...asked };
    return await executeLeased({ ...args, rootValue, contextValue }, executing);
  }

  function follow(source: LiveSource, args: LiveArgs, sink: Sink, from: number): () => void {
    const { follows } = source;
    const { identity } = args.contextValue;
    const shape = shapeOf(args.document, args.operationName);
    const { group, identities } = keep(keyOf(source, args, shape), source, args, shape);
    identities.set(sink, identity);
    let hasLeft = false;
    const forget = () => {
      if (hasLeft) return;
      hasLeft = true;
      stats.subscribers -= 1;
      unwatch();
      identities.delete(sink);
    };
    const leave = () => {
      forget();
      member.leave();
    };
    const unwatch = follows.watch(identity, (reason) => {
      stats.revoked += 1;
      leave();
      sink.end(failed(reason));
    });
    stats.subscribers += 1;
    const after = follows.kind === 'events' ? Math.max(from, follows.after) : 0;
    const member = group.join({ sink, after, onEnd: forget });
    return leave;
  }

  return async (args) => {
    const source = await createSourceEventStream(args);
    if (source instanceof LiveSource) {
      return { follow: (sink, from = 0) => follow(source, args, sink, from) };
    }
    if (Symbol.asyncIterator in source) throw new Error('a subscription has a source that cannot be shared');
    return { ...source, ...(source.errors && { errors: source.errors.map((error) => mask(error)) }) };
  };
}

/** What could not be read is no answer to anybody. */
function throwOutage({ errors = [] }: ExecutionResult): void {
  for (const { originalError } of errors) {
    let cause: unknown = originalError;
    while (cause instanceof GraphQLError) cause = cause.originalError;
    if (isOutage(cause)) throw cause;
  }
}

/** A result as clients read it. */
export function jsonOf({ data, errors }: ExecutionResult, mask: (error: unknown) => GraphQLError): string {
  return JSON.stringify({
    ...(data !== undefined && { data }),
    ...(errors && { errors: errors.map((error) => withoutHttp(mask(error)).toJSON()) }),
  });
}

/** Any of those who share a group, all of them with the same claims but for the time these expire. */
function anyOf(identities: ReadonlyMap<Sink, Identity>, first: Identity): Viewer {
  return {
    get claims() {
      const [identity = first] = identities.values();
      return identity.claims;
    },
  };
}

function keyOf(
  { follows }: LiveSource,
  args: LiveArgs,
  { number, isSameForAll, cursorVariable }: Shape,
): string {
  const { role, sub, email } = args.contextValue.identity.claims;
  const variables = { ...args.variableValues };
  if (cursorVariable !== undefined) delete variables[cursorVariable];
  return JSON.stringify([isSameForAll ? null : [role, sub, email], follows.key, number, variables]);
}
