import { buildSchema, type GraphQLSchema, isInterfaceType, isObjectType } from 'graphql';
import type { Context, OperationContext } from '../../../src/graphql/context.ts';
import { type EventsToFollow, LiveSource, type StatesToFollow } from '../../../src/graphql/live/source.ts';
import type { Topic } from './topic.ts';

const TYPES = `
  type Query { me: String }
  type Subscription {
    events(id: ID!, after: Int = 0, tag: String): Batch!
    state(id: ID!): State!
  }
  type State { id: ID! me: String version: Int! }
  type Batch {
    lastSeq: Int!
    seqs: [Int!]!
    echo(text: String, list: [String!]): String
    me: String
    unmarked: String
    nodes: [Node!]!
  }
  interface Node { seq: Int! mine: String }
  type Plain implements Node { seq: Int! mine: String }
`;

type Batch = { events: { seq: number }[]; lastSeq: number };
type EventsArgs = { id: string; after: number; tag?: string };
type Revoke = (reason: Error) => void;

/** A schema whose fields say who asks, with a record of what was executed. */
export class LiveSchema {
  readonly topics = new Map<string, Topic>();
  /** One entry an execution: for whom, or `all` where nobody's identity was at hand. */
  readonly executions: string[] = [];
  /** Of those who follow, by user: takes it from them. */
  readonly watches = new Map<string, Set<Revoke>>();
  readonly schema: GraphQLSchema;
  version = 0;

  constructor(topics: Record<string, Topic>) {
    for (const [id, topic] of Object.entries(topics)) this.topics.set(id, topic);
    this.schema = buildSchema(TYPES);
    const userOf = (_parent: unknown, _args: unknown, { identity }: Context) =>
      identity.claims.sub ?? 'service';
    this.#field('Batch', 'seqs', { resolve: ({ events }: Batch) => events.map(({ seq }) => seq) });
    this.#field('Batch', 'lastSeq', {
      resolve: ({ lastSeq }: Batch, _args: object, context: Partial<Context>) => {
        this.executions.push(context.identity?.claims.sub ?? 'all');
        return lastSeq;
      },
    });
    this.#field('Batch', 'echo', { resolve: (_batch: Batch, args: object) => JSON.stringify(args) });
    this.#field('Batch', 'me', { resolve: userOf, extensions: { perViewer: true } });
    this.#field('Batch', 'unmarked', { resolve: userOf });
    this.#field('Batch', 'nodes', { resolve: ({ events }: Batch) => events });
    // Of the interface's field nothing says that it depends on who asks.
    this.#field('Plain', 'mine', { resolve: userOf, extensions: { perViewer: true } });
    const node = this.schema.getType('Node');
    if (isInterfaceType(node)) node.resolveType = () => 'Plain';
    this.#field('State', 'me', { resolve: userOf });
    this.#field('State', 'version', { resolve: () => this.version });
    this.#field('Subscription', 'events', {
      subscribe: (_root: unknown, args: EventsArgs, context: OperationContext) => this.#events(args, context),
      resolve: (batch: Batch) => batch,
      extensions: { carriesData: true, cursor: 'after' },
    });
    this.#field('Subscription', 'state', {
      subscribe: (_root: unknown, { id }: EventsArgs, context: OperationContext) => this.#state(id, context),
      resolve: (subject: object) => subject,
    });
  }

  topic(id: string): Topic {
    const found = this.topics.get(id);
    if (!found) throw new Error(`there is no topic ${id}`);
    return found;
  }

  /** Takes what they follow from a user. */
  revoke(user: string, reason: Error): void {
    for (const onRevoked of [...(this.watches.get(user) ?? [])]) onRevoked(reason);
  }

  #events({ id, after, tag }: EventsArgs, context: OperationContext): LiveSource {
    const topic = this.topic(id);
    const follows: EventsToFollow = {
      kind: 'events',
      key: `events ${id} ${tag}`,
      minGapMs: 0,
      after,
      open: () => topic.open(),
      watch: (_viewer, onRevoked) => this.#watch(context, onRevoked),
      ageOf: () => undefined,
    };
    return new LiveSource(follows);
  }

  #state(id: string, context: OperationContext): LiveSource {
    const topic = this.topic(id);
    const subjects = [{ id }];
    const follows: StatesToFollow = {
      kind: 'states',
      key: `state ${id}`,
      minGapMs: 0,
      open() {
        const feed = topic.open();
        return {
          first: subjects,
          take: () => subjects,
          get isOver() {
            return feed.isOver;
          },
          get failure() {
            return feed.failure;
          },
          onChange: (listener) => feed.onChange(listener),
          close: () => feed.close(),
        };
      },
      watch: (_viewer, onRevoked) => this.#watch(context, onRevoked),
    };
    return new LiveSource(follows);
  }

  #watch({ identity }: OperationContext, onRevoked: Revoke): () => void {
    const user = identity.claims.sub ?? '';
    const all = this.watches.get(user) ?? new Set();
    this.watches.set(user, all.add(onRevoked));
    return () => {
      all.delete(onRevoked);
    };
  }

  #field(
    type: string,
    name: string,
    config: { resolve?: unknown; subscribe?: unknown; extensions?: object },
  ): void {
    const found = this.schema.getType(type);
    if (!isObjectType(found)) throw new Error(`there is no type ${type}`);
    Object.assign(found.getFields()[name] ?? {}, config);
  }
}
