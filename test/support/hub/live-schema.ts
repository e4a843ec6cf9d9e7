import { GraphQLBoolean, GraphQLInt, GraphQLInterfaceType, GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { type EventFeed, type EventsToFollow, LiveSource, type StateFeed } from '../../../src/graphql/live/source.ts';
import type { Context, OperationContext } from '../../../src/graphql/context.ts';

/** What resolvers have looked at, and how often. */
export class Seen {
  /** Executions, by the user for whom; `nobody` where it was for all. */
  readonly executions: string[] = [];
}

type Batch = { events: { seq: number }[]; lastSeq: number; ended: boolean };

/** A stream whose events a test adds. */
export class Topic implements EventFeed {
  readonly id: string;
  head = 0;
  isOver = false;
  failure: Error | undefined;
  holders = 0;
  readonly #listeners = new Set<() => void>();

  constructor(id: string) {
    this.id = id;
  }

  add(count = 1): void {
    this.head += count;
    this.#tell();
  }

  end(): void {
    this.isOver = true;
    this.#tell();
  }

  fail(error: Error): void {
    this.failure = error;
    this.#tell();
  }

  after(cursor: number) {
    const seqs = Array.from({ length: Math.max(0, this.head - cursor) }, (_, i) => cursor + 1 + i);
    const to = Math.max(cursor, this.head);
    // Of events it has nothing but numbers.
    return { events: seqs.map((seq) => ({ seq })) as never[], to, ended: this.isOver };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.holders -= 1;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
