import type { SendHint } from '../live/hint-source.ts';
import type { Logger } from '../logger.ts';
import { type Claims, claimsSetting } from './claims.ts';
import type { ConnectionOptions } from './connection.ts';
import { ViewerError } from './driver-errors.ts';
import { type Lease, Operation, type ViewerConnection } from './lease.ts';
import { Slot } from './slot.ts';

export type LeaseOptions = {
  /** Aborted: waiting ends, running statements are cancelled in Postgres, further ones refused. */
  signal?: AbortSignal;
};

/** The one way to the database for everything that is done on somebody's behalf. */
export type ViewerDatabase = {
  /**
   * Lends a client under the claims, first come first served; waits while all are lent. Whoever leases must release.
   *
   * @throws {ViewerError} CANCELLED where the signal ends the waiting, CLOSED after `close`
   */
  lease(claims: Claims, options?: LeaseOptions): Promise<Lease>;
  /** Leases, runs `work` on the viewer's behalf and releases. Do not nest: each level takes a client of its own. */
  withViewer<T>(
    claims: Claims,
    work: (db: ViewerConnection & Pick<Lease, 'transaction'>) => Promise<T>,
    options?: LeaseOptions,
  ): Promise<T>;
  /**
   * To be called where a connection to the same server was lost, of which the pool may not have heard: before its next
   * statement each of its connections is asked for a sign of life, and statements that Postgres does not work on are
   * given up.
   */
  suspect(): void;
  /** Refuses further leases and closes the connections; what still runs fails. */
  close(): Promise<void>;
};

export type ViewerDatabaseOptions = {
  /** Connection string of a login role that owns nothing and may only become anon, authenticated and service_role. */
  url: string;
  /** Clients, and connections: one each. */
  poolSize: number;
  /** Default 15 seconds. */
  statementTimeoutMs?: number;
  /** Sends the hints of what is written here, about which the database then keeps quiet; default: it sends them. */
  sendHint?: SendHint | undefined;
  /**
   * For statements that only ever look a few rows up. Postgres keeps the plan of a prepared statement; one that was made
   * while a table was small would read it from end to end for as long as nobody analyses it, however it grows.
   */
  findsByIndex?: boolean;
  log: Logger;
};

type Waiting = { take: (slot: Slot) => void; refuse: (reason: Error) => void };

/** Opens nothing yet: a client and its connection are made when they are first needed. */
export function createViewerDatabase(options: ViewerDatabaseOptions): ViewerDatabase {
  const { url, poolSize, statementTimeoutMs = 15_000, sendHint, findsByIndex = false, log } = options;
  const connection: ConnectionOptions = {
    ...{ url, statementTimeoutMs, findsByIndex, log },
    ...(sendHint && { sendHint }),
  };
  const slots: Slot[] = [];
  // The last one given back is lent first: its prepared statements and its pages are warm.
  const free: Slot[] = [];
  const queue = new Set<Waiting>();
  let isClosed = false;

  function freeSlot(): Slot | undefined {
    const slot = free.pop();
    if (slot || slots.length >= poolSize) return slot;
    const made = new Slot(connection);
    slots.push(made);
    return made;
  }

  function giveBack(slot: Slot): void {
    const [next] = queue;
    if (!next) return void free.push(slot);
    queue.delete(next);
    next.take(slot);
  }

  function waitForSlot(signal: AbortSignal | undefined): Promise<Slot> {
    return new Promise((resolve, reject) => {
      const settled = () => signal?.removeEventListener('abort', abort);
      const waiting: Waiting = {
        take: (slot) => {
          settled();
          resolve(slot);
        },
        refuse: (reason) => {
          settled();
          reject(reason);
        },
      };
      const abort = () => {
        queue.delete(waiting);
        reject(cancelled());
      };
      signal?.addEventListener('abort', abort, { once: true });
      queue.add(waiting);
    });
  }

  async function lease(claims: Claims, { signal }: LeaseOptions = {}): Promise<Lease> {
    const viewer = claimsSetting(claims);
    if (isClosed) throw closed();
    if (signal?.aborted) throw cancelled();
    const slot = freeSlot() ?? (await waitForSlot(signal));
    const operation = new Operation(slot, viewer, () => giveBack(slot), signal);
    slot.operation = operation;
    return operation;
  }

  return {
    lease,
    withViewer: async (claims, work, leaseOptions) => {
      const held = await lease(claims, leaseOptions);
      try {
        // Awaited inside: Prisma's promises send their query when they are awaited, and that must be in here.
        return await held.run(async () => await work(held));
      } finally {
        held.release();
      }
    },
    suspect: () => {
      for (const { session } of slots) session.suspect();
    },
    close: async () => {
      isClosed = true;
      for (const waiting of queue) waiting.refuse(closed());
      queue.clear();
      await Promise.all(slots.map((slot) => slot.close()));
    },
  };
}

function cancelled(): ViewerError {
  return new ViewerError('CANCELLED', 'The operation was cancelled.');
}

function closed(): ViewerError {
  return new ViewerError('CLOSED', 'The database pool is closed.');
}
