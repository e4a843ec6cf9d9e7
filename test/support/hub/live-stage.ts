import { type DocumentNode, type ExecutionResult, GraphQLError, parse, validate } from 'graphql';
import type { OperationContext } from '../../../src/graphql/context.ts';
import { createLiveOperations, type LiveArgs, type OpenLive } from '../../../src/graphql/live/operations.ts';
import { createExecutor } from '../../../src/graphql/planned-queries.ts';
import type { Claims } from '../../../src/platform/db/claims.ts';
import { LiveStats } from '../../../src/platform/live/stats.ts';
import { LiveSchema } from './live-schema.ts';
import { Recorder } from './recorder.ts';
import { Topic } from './topic.ts';

// biome-ignore lint/suspicious/noExplicitAny: the shape of a result is the test's to know.
type Data = any;
export type Payload = { data?: Data; errors?: { message: string }[] };

/** Who follows, with what they were given. */
export class Subscriber extends Recorder<Payload> {
  /** Set once it follows. */
  leave: () => void = () => {};

  get data(): Data[] {
    return this.received.map(({ data }) => data.events ?? data.state);
  }

  override end(last?: ExecutionResult): void {
    // What a group says to its sink of an end it says to the operation before.
    this.endsFollowing();
    super.end(last);
  }
}

export const user = (sub: string, others: Partial<Claims> = {}): Claims => ({
  role: 'authenticated',
  sub,
  ...others,
});

/** Subscriptions of many users to the fixture's topics, past all transports. */
export class LiveStage {
  readonly topics = { a: new Topic(), b: new Topic() };
  readonly live = new LiveSchema(this.topics);
  readonly stats = new LiveStats();
  readonly #open: OpenLive;
  readonly #documents = new Map<string, DocumentNode>();

  constructor() {
    this.#open = createLiveOperations({
      schema: this.live.schema,
      executing: { timeoutMs: 10_000, execute: createExecutor() },
      mask: (error) => (error instanceof GraphQLError ? error : new GraphQLError(String(error))),
      stats: this.stats,
    });
  }

  /** @throws what refuses the subscription */
  async follow(
    claims: Claims,
    query: string,
    {
      variables = {},
      operationName,
      from,
    }: { variables?: object; operationName?: string; from?: number } = {},
  ): Promise<Subscriber> {
    const opened = await this.#open(this.#args(claims, query, { ...variables }, operationName));
    if (!('follow' in opened)) throw new Error(JSON.stringify(opened));
    const subscriber = new Subscriber();
    subscriber.leave = opened.follow(subscriber, from);
    return subscriber;
  }

  /** The same text is the same document, as in the pipeline's cache. */
  #args(
    claims: Claims,
    query: string,
    variableValues: Record<string, unknown>,
    operationName?: string,
  ): LiveArgs {
    const { schema } = this.live;
    const document = this.#documents.get(query) ?? parse(query);
    this.#documents.set(query, document);
    const faults = validate(schema, document);
    if (faults.length > 0) throw new Error(faults.join('; '));
    const lease = { run: <T>(work: () => T) => work(), release: () => {} };
    const contextValue = {
      identity: { claims },
      signal: new AbortController().signal,
      viewerDb: { lease: async () => lease },
    } as unknown as OperationContext;
    return { schema, document, variableValues, contextValue, ...(operationName && { operationName }) };
  }
}
