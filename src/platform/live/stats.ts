import { RecentLag } from './recent-lag.ts';

/** What the hub counts, from the start of the process on. */
export class LiveStats {
  /** Operations that follow something now. */
  subscribers = 0;
  /** Groups of them, each of which shares what is executed and framed. */
  groups = 0;
  /** Pages served from a stream's ring. */
  ringHits = 0;
  /** Pages read from the database for a subscriber that was behind the ring. */
  databaseReads = 0;
  /** Frames that were made, each once for all who asked for the same. */
  frames = 0;
  /** Frames that were handed to a transport. */
  deliveries = 0;
  /** Of these, frames whose transport had begun to close: whoever comes back has them by its cursor. */
  dropped = 0;
  /** States that a subscriber was not shown because a newer one came before it could take them. */
  skipped = 0;
  /** How often a subscriber was paused because its transport was full. */
  pauses = 0;
  /** Subscribers that are paused now. */
  paused = 0;
  /** Operations that ended because their viewer may no longer see what they follow. */
  revoked = 0;
  /** Transports that were closed because their client did not read. */
  stalled = 0;
  /** From an event's commit, as far as its row tells, to the frame that carries it. What is caught up with is no lag. */
  readonly lag = new RecentLag();

  recordLag(milliseconds: number): void {
    this.lag.record(milliseconds);
  }
}
