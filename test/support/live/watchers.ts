import { messageOf } from '../../../src/platform/errors.ts';
import { startPublishedClient } from './published-client.ts';
import { Received, sumOf, type Tally } from './received.ts';
import {
  type Batch,
  type ResumeBy,
  startWatching,
  type WatchedRun,
  type WatchingClient,
} from './watching-client.ts';

export type WatchersOptions = {
  url: string;
  /** One entry a socket, with the runs that it watches and the token of somebody who may. */
  sockets: readonly { token: string; runs: readonly string[] }[];
  resumeBy: ResumeBy;
  client: keyof typeof CLIENTS;
};

const CLIENTS = { lean: startWatching, published: startPublishedClient };

export type WatchersReport = Tally & {
  /** Each lost connection, and each that never came so far that it could subscribe; in milliseconds since the epoch. */
  closes: { code?: number; wasLive: boolean; at: number }[];
  /** What the server answered in place of events, by text. */
  refused: Record<string, number>;
};

type Goal = { waiting: Set<Received>; seqs: Readonly<Record<string, number>>; reached(): void };

/** Many watchers, each of which checks everything that it receives. */
export class Watchers {
  readonly #received: Received[] = [];
  readonly #clients: WatchingClient[] = [];
  readonly #closes: WatchersReport['closes'] = [];
  readonly #refused: Record<string, number> = {};
  readonly #ended = Promise.withResolvers<void>();
  #goal: Goal | undefined;
  #going = 0;

  constructor({ url, sockets, resumeBy, client }: WatchersOptions) {
    for (const { token, runs } of sockets) {
      const watched = new Map<WatchedRun, Received>();
      for (const run of runs) watched.set({ operationId: run, run, after: 0 }, new Received(run));
      this.#received.push(...watched.values());
      this.#going += watched.size;
      this.#clients.push(
        CLIENTS[client]({
          ...{ url, token, resumeBy, runs: [...watched.keys()] },
          onBatch: (run, batch) => this.#take(watched.get(run), batch),
          onClose: (close) => this.#closes.push({ ...close, at: Date.now() }),
          onRefused: (_run, errors) =>
            this.#count(typeof errors === 'string' ? errors : JSON.stringify(errors)),
        }),
      );
    }
  }

  /** Resolves once every watcher has received something of its run that is newer than these numbers say. */
  beyond(seqs: Readonly<Record<string, number>>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#goal = { seqs, reached: resolve, waiting: new Set(this.#received) };
    for (const received of this.#received) this.#look(received);
    return promise;
  }

  /** Resolves once every watcher has been told that its run has ended. */
  ended(): Promise<void> {
    return this.#ended.promise;
  }

  report(): WatchersReport {
    return {
      ...sumOf(this.#received.map((received) => received.tally())),
      closes: this.#closes,
      refused: this.#refused,
    };
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  #take(received: Received | undefined, { events, ended }: Batch): void {
    if (received === undefined) throw new Error('a batch of a run that is not watched');
    for (const event of events) received.take(event);
    this.#look(received);
    if (!ended) return;
    this.#going -= 1;
    if (this.#going === 0) this.#ended.resolve();
  }

  #look(received: Received): void {
    const goal = this.#goal;
    if (goal === undefined || received.cursor <= (goal.seqs[received.run] ?? 0)) return;
    goal.waiting.delete(received);
    if (goal.waiting.size === 0) goal.reached();
  }

  #count(text: string): void {
    this.#refused[text] = (this.#refused[text] ?? 0) + 1;
  }
}

/** The calls that a process of watchers takes from the one that started it, by name. */
export const CALLS = {
  beyond: (watchers: Watchers, seqs: Record<string, number>) => watchers.beyond(seqs),
  ended: (watchers: Watchers) => watchers.ended(),
  report: async (watchers: Watchers) => watchers.report(),
};

export type Call = { id: number; name: keyof typeof CALLS; argument?: Record<string, number> };
export type Answer = { id: number; result?: unknown; error?: string };

export async function answer(watchers: Watchers, { id, name, argument }: Call): Promise<Answer> {
  try {
    return { id, result: await CALLS[name](watchers, argument ?? {}) };
  } catch (error) {
    return { id, error: messageOf(error) };
  }
}
