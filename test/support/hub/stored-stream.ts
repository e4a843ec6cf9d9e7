import type { ExecutionEvent, ExecutionRef } from '../../../src/platform/feed/events.ts';
import { PAGE, type StreamPage } from '../../../src/platform/feed/stream-pages.ts';

/** An execution's feed as the database has it: what is read of it is true at the moment of reading. */
export class StoredStream {
  readonly ref: ExecutionRef = { kind: 'training', id: 'exec_model' };
  readonly events: ExecutionEvent[] = [];
  state: 'open' | 'closed' | 'gone' = 'open';

  get lastSeq(): number {
    return this.events.length;
  }

  append(count: number, message = 'line'): void {
    for (let i = 0; i < count; i += 1) this.events.push(eventOf(this.lastSeq + 1, message));
  }

  /** The last event, after which nothing comes. */
  end(): void {
    this.append(1, 'end');
    this.state = 'closed';
  }

  read(after: number, most = PAGE): StreamPage | undefined {
    if (this.state === 'gone') return undefined;
    const events = this.events.slice(after, after + most).map((event) => ({ event, bytes: sizeOf(event) }));
    return { lastSeq: this.lastSeq, state: this.state, events };
  }
}

function sizeOf({ payload }: ExecutionEvent): number {
  return JSON.stringify(payload).length;
}

export function eventOf(seq: number, message = 'line'): ExecutionEvent {
  const payload = { level: 'info', message, source: 'stdout' } as const;
  return { seq, at: new Date(0), attempt: 1, type: 'log', payload };
}
