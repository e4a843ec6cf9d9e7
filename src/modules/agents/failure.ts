import type { StepFailure } from '../steps/step.ts';

/** Why a run cannot go on, told to its owner in full. Anything else that is thrown is logged, and masked. */
export class AgentFailure extends Error {
  override name = 'AgentFailure';
  readonly code: string;
  /** Whether another try may do better. */
  readonly mayRetry: boolean;
  /** Whether another agent may. A limit that was reached stays reached, and what is forbidden is so for a reason. */
  readonly mayFallBack: boolean;

  constructor({ code, message }: StepFailure, options: { mayRetry?: boolean; mayFallBack?: boolean } = {}) {
    super(message);
    this.code = code;
    this.mayRetry = options.mayRetry ?? false;
    this.mayFallBack = options.mayFallBack ?? this.mayRetry;
  }
}

/** The run waits for people, or for runs that it has started, and is to be handed back until then. */
export class Suspended extends Error {
  override name = 'Suspended';
}
