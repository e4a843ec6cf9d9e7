import { AsyncLocalStorage } from 'node:async_hooks';
import type { Operation } from './lease.ts';
import type { Hold } from './session.ts';

/** On whose behalf code runs, followed through every await and callback. */
export type Scope = {
  operation: Operation;
  /** The transaction that this code is the body of. */
  hold?: Hold;
};

export const scopes = new AsyncLocalStorage<Scope>();
