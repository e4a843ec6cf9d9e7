import { setTimeout as wait } from 'node:timers/promises';
import { createServiceDatabase } from '../db/service.ts';
import type { Sql } from '../db/sql.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';

/** Sends hints, as `feedHintText` makes them, by way of Postgres. */
export interface Notifier {
  /** Takes a hint of what is committed. Returns at once and never throws; what cannot be sent is dropped. */
  publish(hint: string): void;
  /** Sends what was taken, and closes the connection. */
  close(): Promise<void>;
}

/** Between two transactions. Without it 32 writers made one for every batch, which cost a fifth of their throughput. */
const PAUSE_MS = 20;
/** Longer payloads are an error of Postgres's. Who follows an execution with such an id looks for itself. */
const MAX_PAYLOAD_BYTES = 7_999;

/**
 * Notifies on a connection of its own. A transaction that notifies holds a lock of the whole server until its commit is
 * on disk, so writers that each notify commit one after another. These transactions write nothing that would have to be
 * on disk. A hint that comes alone is sent at once; what gathers meanwhile goes with the next transaction, of each
 * execution the newest.
 *
 * @param options.url of a login role that may become service_role
 */
export function createNotifier({ url, log }: { url: string; log: Logger }): Notifier {
  const database = createServiceDatabase({ url, poolSize: 1, log });
  let gathered = new Map<string, string>();
  let sending: Promise<void> | undefined;
  let isFailing = false;

  async function sendGathered(): Promise<void> {
    while (gathered.size > 0) {
      const hints = [...gathered.values()];
      gathered = new Map();
      try {
        await notify(database.sql, hints);
        isFailing = false;
      } catch (error) {
        if (!isFailing)
          log.warn({ reason: messageOf(error) }, 'hints cannot be sent, readers look for themselves');
        isFailing = true;
      }
      await wait(PAUSE_MS);
    }
    sending = undefined;
  }

  return {
    publish(hint) {
      const execution = executionOf(hint);
      gathered.set(execution, newer(gathered.get(execution), hint));
      sending ??= sendGathered();
    },
    async close() {
      await sending;
      await database.close();
    },
  };
}

function executionOf(hint: string): string {
  const { k, i } = JSON.parse(hint) as { k: string; i: string };
  return `${k}:${i}`;
}

/** Two batches may be answered in another order than they were committed in. */
function newer(gathered: string | undefined, hint: string): string {
  return gathered !== undefined && seqOf(gathered) > seqOf(hint) ? gathered : hint;
}

function seqOf(hint: string): number {
  return (JSON.parse(hint) as { s: number | null }).s ?? Number.POSITIVE_INFINITY;
}

async function notify(sql: Sql, hints: readonly string[]): Promise<void> {
  const payloads = hints.filter((hint) => Buffer.byteLength(hint) <= MAX_PAYLOAD_BYTES);
  await sql.query(`select pg_notify('runcast_feed', payload) from unnest($1::text[]) payload`, [payloads]);
}
