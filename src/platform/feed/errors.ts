import { codeOf, messageOf } from '../errors.ts';

const CODES = {
  RC001: 'STREAM_NOT_FOUND',
  RC002: 'STREAM_CLOSED',
  RC003: 'STALE_ATTEMPT',
  RC004: 'INVALID_EVENT',
  RC005: 'TOO_DEEP',
  RC006: 'QUEUE_FULL',
  RC007: 'NOT_ASKED',
  RC008: 'NOT_PAUSED',
} as const;

export type FeedErrorCode = (typeof CODES)[keyof typeof CODES];

/** A refusal by the feed's functions in the database. */
export class FeedError extends Error {
  readonly code: FeedErrorCode;

  constructor(code: FeedErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'FeedError';
    this.code = code;
  }
}

/** Runs a statement of the feed; what the feed refuses becomes a FeedError, anything else passes as it is. */
export async function refusals<T>(statement: Promise<T>): Promise<T> {
  try {
    return await statement;
  } catch (error) {
    const code = codeOf(error);
    if (code !== undefined && code in CODES) {
      throw new FeedError(CODES[code as keyof typeof CODES], messageOf(error), { cause: error });
    }
    throw error;
  }
}
