import type { ExecutionRef } from '../../../platform/feed/events.ts';

/** The ways to tell people something, by the names that definitions have for them. */
export const CHANNEL_NAMES = ['email', 'slack', 'sms', 'in-app'] as const;
export type ChannelName = (typeof CHANNEL_NAMES)[number];

export type Message = {
  /** At least one: addresses, names of channels, numbers, or user ids. */
  recipients: readonly string[];
  message: string;
  /** Of an e-mail and of what is shown within the platform; the others have none. */
  subject?: string | undefined;
  /** The same for every attempt. What was sent by it already is not sent again, where the other side can tell. */
  idempotencyKey: string;
  /** On whose behalf it is sent. */
  owner: { userId: string; tenantId: string | null };
  /** What sends it. */
  source?: { execution: ExecutionRef; stepId?: string | undefined } | undefined;
  /** Aborted: sending ends where it can, and `send` rejects with its reason. */
  signal?: AbortSignal | undefined;
};

/** What became of a message; somebody has it, or `send` had rejected. */
export type Delivery = {
  /** Who was told, as they were named. */
  delivered: string[];
  /** Whom the other side would not take it for. */
  refused: { recipient: string; reason: string }[];
};

/** @throws {ChannelError} where nobody could be told */
export type Send = (message: Message) => Promise<Delivery>;

export type SendOptions = {
  /** How long the other side may take to answer; default: 10 s. */
  timeoutMs?: number | undefined;
};

export const DEFAULT_TIMEOUT_MS = 10_000;
