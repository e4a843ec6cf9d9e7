import type { ServiceDatabase } from '../../../platform/db/service.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { AgentPorts } from '../ports.ts';
import type { Children } from './children.ts';
import type { Journal } from './journal.ts';
import type { Limits } from './limits.ts';
import type { RunInput } from './load.ts';
import type { Narration } from './narration.ts';

/** What an attempt is made of. */
export type RunParts = {
  run: RunInput;
  attempt: number;
  ports: AgentPorts;
  database: ServiceDatabase;
  persist: <T>(write: () => Promise<T>) => Promise<T>;
  journal: Journal;
  limits: Limits;
  narration: Narration;
  children: Children;
  /** Aborted when the run stops, or its time is over. */
  signal: AbortSignal;
  log: Logger;
};
