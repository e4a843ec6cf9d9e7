import { z } from 'zod';

/** A feed has grown up to `seq`, or its execution is gone. */
export type FeedHint = {
  kind: string;
  /** Undefined where all executions of the kind were deleted at once. */
  id: string | undefined;
  seq: number | undefined;
  userId: string | undefined;
  ended: boolean;
  deleted: boolean;
};

export type HintHandlers = {
  onFeed(hint: FeedHint): void;
  onAccess(userId: string): void;
  onGap(): void;
};

export type HintSource = {
  readonly isConnected: boolean;
  readonly started: Promise<void>;
  readonly clockOffsetMs: number;
  readonly reconnections: number;
  close(): Promise<void>;
};

const feedHint = z.object({
  k: z.string(),
  i: z.string().optional(),
  s: z.number().nullish(),
  u: z.string().nullish(),
  t: z.boolean(),
  d: z.boolean().optional(),
});

export function parseFeedHint(payload: string): FeedHint | undefined {
  try {
    const { k, i, s, u, t, d } = feedHint.parse(JSON.parse(payload));
    return { kind: k, id: i, seq: s ?? undefined, userId: u ?? undefined, ended: t, deleted: d ?? false };
  } catch {
    return undefined;
  }
}
