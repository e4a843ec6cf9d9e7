import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Percentiles } from './percentiles.ts';

/** A run that sockets watch: whose token they show, and the number of the last event they have. */
export type Watch = { run: string; token: string; after: number };

/** An event as it was written: to which of the watches, and when the statement was sent and had returned, in µs. */
export type Commit = { watch: number; seq: number; sentAt: number; committedAt: number };

export type Opening = {
  port: number;
  /** Socket n watches the watch n modulo their number. */
  sockets: number;
  watches: readonly Watch[];
  /** Subscribes with the variables id and after. */
  document: string;
  /** Whether everything after the watch's `after` must come; else what comes once the socket is subscribed. */
  fromCursor: boolean;
  /** Whether all sockets are sent one frame, with SHARED_ID in place of the id they subscribed with. */
  sharesFrame: boolean;
};

/** The id in frames of a server that makes one for all; as long as those of graphql-ws's client. */
export const SHARED_ID = '00000000-0000-4000-8000-000000000000';

/** What the sockets got since `record`. A delivery is one event at one socket. */
export type Received = {
  deliveries: number;
  frames: number;
  bytes: number;
  /** Of the events that were asked about, those that did not come. */
  missed: number;
  doubled: number;
  /** Numbers left out between two events of a socket, or an earlier one after a later one. */
  outOfOrder: number;
  lastAt: number;
  /** Milliseconds from the statement's return, and from its sending, to the socket: the 50th and 99th percentile. */
  fromCommit: Percentiles;
  fromSending: Percentiles;
  /** Events of another run, frames that are no `next`, sockets that were closed: each a sentence, the first few. */
  faults: string[];
};

/** What the load generator is asked, and answers when that is done. */
export type Commands = {
  /** All sockets are open, acknowledged and have sent their subscription. */
  open: { asks: Opening; answers: null };
  /** How many sockets have not had any frame in time. */
  joined: { asks: { withinMs: number }; answers: number };
  /** How many sockets have not had these events, one number a watch, in time. */
  caughtUp: { asks: { seqs: readonly number[]; withinMs: number }; answers: number };
  /** Counts from here on. */
  record: { asks: null; answers: null };
  received: { asks: { commits: readonly Commit[] }; answers: Received };
  /** All sockets are closed. */
  close: { asks: null; answers: null };
};

export type Command = {
  [Name in keyof Commands]: { name: Name; asks: Commands[Name]['asks'] };
}[keyof Commands];

/** The load generator in a process of its own, the same for all servers. */
export class Watchers implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('load-generator.ts', import.meta.url)));
    this.#ended = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`The load generator ended with code ${code}.`);
    });
    this.#ended.catch(() => {});
  }

  /** @throws where the process says that it could not */
  async ask<Name extends keyof Commands>(
    name: Name,
    asks: Commands[Name]['asks'],
  ): Promise<Commands[Name]['answers']> {
    const answered = once(this.#child, 'message');
    this.#child.send({ name, asks });
    const [{ answer, error }] = await Promise.race([answered, this.#ended]);
    if (error !== undefined) throw new Error(error);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}
