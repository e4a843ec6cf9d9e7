import { AsyncLocalStorage } from 'node:async_hooks';
import type { ClaimsSetting } from './claims.ts';
import type { ViewerError } from './driver-errors.ts';
import type { Hold } from './session.ts';

/** An operation as its queries see it. */
export type Operating = {
  readonly viewer: ClaimsSetting;
  /** Why no more queries are taken; undefined while they are. */
  readonly refusal: ViewerError | undefined;
  /** Counts a call as in flight until it settles. */
  track<T>(call: Promise<T>): Promise<T>;
};

/** On whose behalf code runs, followed through every await and callback. */
export type Scope = {
  operation: Operating;
  /** The transaction that this code is the body of. */
  hold?: Hold;
};

export const scopes = new AsyncLocalStorage<Scope>();
