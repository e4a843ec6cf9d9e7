/** What a training run's status can be, and where each may lead: the same table the database enforces. */
export const TRANSITIONS = {
  pending: ['running', 'failed', 'cancelled'],
  /** Back to pending where its worker was lost or shut down: another takes it. */
  running: ['pending', 'completed', 'failed', 'cancelled'],
  completed: [],
  failed: [],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;

export type TrainingStatus = keyof typeof TRANSITIONS;

export function isTrainingStatus(text: string): text is TrainingStatus {
  return Object.hasOwn(TRANSITIONS, text);
}

/** Whether a run may go from one status to another. */
export function canBecome(from: TrainingStatus, to: TrainingStatus): boolean {
  const next: readonly string[] = TRANSITIONS[from];
  return next.includes(to);
}

/** Whether a status ends a run for good. One that this version does not know does not. */
export function isTerminal(status: string): boolean {
  return isTrainingStatus(status) && TRANSITIONS[status].length === 0;
}
