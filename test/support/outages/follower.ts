import type { Socket } from '../api.ts';

const FOLLOW = `subscription ($id: ID!) {
  executionEvents(id: $id) { ended events { seq ... on LogEvent { message } } }
}`;

type Batch = { ended: boolean; events: { seq: number; message?: string }[] };

/** One subscription from the first event to the last, which never connects again: what ends it before is a fault. */
export type Follower = {
  readonly lines: readonly string[];
  readonly faults: readonly string[];
  /** Resolves once it has the event with this number, or will never have it. */
  reached(seq: number): Promise<void>;
  /** Resolves once the subscription is over. */
  ended: Promise<void>;
};

export function follow(socket: Socket, id: string): Follower {
  const lines: string[] = [];
  const faults: string[] = [];
  let cursor = 0;
  let isOver = false;
  let moved = Promise.withResolvers<void>();

  function take({ ended, events }: Batch): void {
    for (const { seq, message } of events) {
      if (seq !== cursor + 1) faults.push(`${seq} came after ${cursor}`);
      cursor = seq;
      if (message !== undefined) lines.push(message);
    }
    isOver ||= ended;
    moved.resolve();
    moved = Promise.withResolvers();
  }

  async function receive(): Promise<void> {
    try {
      for await (const { data, errors } of socket.follow(FOLLOW, { id })) {
        if (data) take(data.executionEvents);
        else faults.push(JSON.stringify(errors));
      }
      if (!isOver) faults.push(`the subscription was over after ${cursor}`);
    } catch (error) {
      faults.push(`the subscription failed after ${cursor}: ${JSON.stringify(error)}`);
    }
    isOver = true;
    moved.resolve();
    await socket.dispose();
  }

  return {
    lines,
    faults,
    async reached(seq) {
      while (cursor < seq && !isOver) await moved.promise;
    },
    ended: receive(),
  };
}
