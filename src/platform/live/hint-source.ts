import { z } from 'zod';

/** What a wake-up says: an execution's feed has grown up to `seq`, or the execution is gone. */
export type FeedHint = {
  kind: string;
  /** Undefined where all executions of the kind were deleted at once. */
  id: string | undefined;
  /** Undefined where only that there may be more to read is known. */
  seq: number | undefined;
  userId: string | undefined;
  ended: boolean;
  deleted: boolean;
};

/** Takes a hint, as `feedHintText` makes it, and returns at once. */
export type SendHint = (hint: string) => void;

/** Hints may be lost, doubled or late; rows tell. What a handler throws ends the process. */
export type HintHandlers = {
  onFeed(hint: FeedHint): void;
  /** Memberships of a user have changed. */
  onAccess(userId: string): void;
  /** Runs after every connection, the first included: whatever was hinted at before is lost. */
  onGap(): void;
};

/** Where hints come from: a connection that comes back whatever happens to it, until it is closed. */
export type HintSource = {
  /** False while hints are lost. */
  readonly isConnected: boolean;
  /** Resolves once it is connected for the first time; never rejects. */
  readonly started: Promise<void>;
  /** What the database's clock is ahead of this process's, in milliseconds; 0 until it was measured. */
  readonly clockOffsetMs: number;
  /** How often it was connected again. */
  readonly reconnections: number;
  close(): Promise<void>;
};

const feedHint = z.object({
  k: z.string(),
  i: z.string().nullish(),
  s: z.number().nullish(),
  u: z.string().nullish(),
  t: z.boolean(),
  d: z.boolean().optional(),
});

const accessHint = z.object({ u: z.string().nullish() });

/** @returns undefined where the text is none of ours: anybody may notify on a channel */
export function parseFeedHint(text: string): FeedHint | undefined {
  const parsed = feedHint.safeParse(jsonOf(text));
  if (!parsed.success) return undefined;
  const { k, i, s, u, t, d } = parsed.data;
  return {
    kind: k,
    id: i ?? undefined,
    seq: s ?? undefined,
    userId: u ?? undefined,
    ended: t,
    deleted: d ?? false,
  };
}

/** @returns undefined where the text is none of ours; `userId` undefined where anybody's memberships may have changed */
export function parseAccessHint(text: string): { userId: string | undefined } | undefined {
  const parsed = accessHint.safeParse(jsonOf(text));
  return parsed.success ? { userId: parsed.data.u ?? undefined } : undefined;
}

/** A hint as the database writes it too. */
export function feedHintText({
  kind,
  id,
  seq,
  userId,
  ended,
}: Pick<FeedHint, 'kind' | 'id' | 'seq' | 'userId' | 'ended'>): string {
  return JSON.stringify({ k: kind, i: id, s: seq ?? null, u: userId, t: ended });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
