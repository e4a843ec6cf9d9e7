/** Events that a server left out. */
export type Gap = {
  /** The numbers of the first and the last that are missing. */
  from: number;
  to: number;
  /**
   * False: they are being asked for again, and nothing after them is handed over before they are. True: asked for three
   * times they did not come, as where a run's oldest events are no longer kept; what follows goes on without them.
   */
  isLost: boolean;
};

/** Where a watch has got to in a run. */
export type Cursor = {
  /** The number of the last event that was taken. */
  readonly seq: number;
  /** What is missing before an event; undefined where nothing is. */
  gapBefore(seq: number): FoundGap | undefined;
  moveTo(seq: number): void;
};

type FoundGap = Gap & { isNew: boolean };

const ATTEMPTS = 3;

export function createCursor(after: number): Cursor {
  let seq = after;
  /** How often the event after `seq` was missing. */
  let missed = 0;
  return {
    get seq() {
      return seq;
    },
    gapBefore(found) {
      if (found <= seq + 1) return undefined;
      missed += 1;
      return { from: seq + 1, to: found - 1, isNew: missed === 1, isLost: missed > ATTEMPTS };
    },
    moveTo(reached) {
      seq = reached;
      missed = 0;
    },
  };
}
