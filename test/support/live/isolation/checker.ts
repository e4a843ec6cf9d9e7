import { EventEmitter, once } from 'node:events';
import type { Data } from '../../api.ts';
import { lineOf } from '../lines.ts';
import { type Findings, note } from './findings.ts';
import type { Subscription } from './subscription.ts';
import type { Run, World } from './world.ts';

/** How long after somebody lost sight of a run something of it may still reach them, and its streams may go on. */
export const LOST_WITHIN_MS = 5_000;
/** A timer may be as much early. */
const TIMER_MS = 20;
/** How long after the client's `complete` what was on its way may still come. */
const LATE_WITHIN_MS = 2_000;

export type CheckerReport = {
  frames: number;
  /** Something reached somebody who may not see it, or whose answer it was not. */
  leaks: Findings;
  /** Something was lost, doubled, stale, refused or ended without a reason. */
  faults: Findings;
  /** Streams of what was revoked that ended in time and that did not. */
  revoked: { ended: number; slowestMs: number; overdue: number };
  /** Errors by code. */
  errors: Record<string, number>;
};

/** Knows who may see what, and holds every message against it. */
export class Checker {
  readonly open = new Set<Subscription>();
  readonly #world: World;
  readonly #report: CheckerReport = {
    ...{ frames: 0, leaks: {}, faults: {}, errors: {} },
    revoked: { ended: 0, slowestMs: 0, overdue: 0 },
  };
  readonly #deadlines: Promise<void>[] = [];
  readonly #messages = new EventEmitter();

  constructor(world: World) {
    this.#world = world;
  }

  begun(subscription: Subscription): void {
    this.open.add(subscription);
  }

  next(subscription: Subscription, { data, errors }: { data?: Data; errors?: Data[] }): void {
    this.#report.frames += 1;
    const { overAt } = subscription;
    if (overAt !== undefined && performance.now() - overAt > LATE_WITHIN_MS) {
      this.#fault(subscription, 'a frame long after it was over');
    }
    if (errors) this.#failed(subscription, errors);
    const answer = data?.[subscription.field];
    if (answer == null) return;
    if (subscription.field === 'executionEvents') this.#events(subscription, answer);
    else this.#state(subscription, answer);
    this.#messages.emit('message');
  }

  /** The server refused it. */
  refused(subscription: Subscription, errors: Data[]): void {
    this.#failed(subscription, errors);
    this.over(subscription);
  }

  /** The server completed it. */
  completed(subscription: Subscription): void {
    const { run, overAt } = subscription;
    if (overAt === undefined && !run?.hasEnded && !this.#mayBeLost(subscription)) {
      this.#fault(subscription, 'it was completed although its run goes on');
    }
    this.over(subscription);
  }

  /** Nothing more is to come. */
  over(subscription: Subscription): void {
    if (!this.open.delete(subscription)) return;
    subscription.overAt = performance.now();
    this.#messages.emit('message');
  }

  /** @param kind the same for all of its sort */
  fault(kind: string, example: string): void {
    note(this.#report.faults, kind, example);
  }

  /** @param kind the same for all of its sort */
  leak(kind: string, example: string): void {
    note(this.#report.leaks, kind, example);
  }

  /** What is open on runs that were just revoked has to be over soon. */
  revoked(runs: ReadonlySet<Run>): void {
    const affected = [...this.open].filter(
      ({ viewer, run }) => run && runs.has(run) && this.#world.lostAt(viewer, run) !== undefined,
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(() => {
      for (const subscription of affected) this.#hasEnded(subscription);
      resolve();
    }, LOST_WITHIN_MS + TIMER_MS);
    this.#deadlines.push(promise);
  }

  /** Resolves once all that was revoked had its time. */
  async deadlines(): Promise<void> {
    await Promise.all(this.#deadlines);
  }

  /** Resolves once everybody has the newest of every run that they watch and may see. */
  async everythingDelivered(): Promise<void> {
    while (this.behind().length > 0) await once(this.#messages, 'message');
  }

  /** Who lacks something of a run that they watch and may see. */
  behind(): string[] {
    return [...this.open].filter((subscription) => this.#isBehind(subscription)).map(nameOf);
  }

  report(): CheckerReport {
    return this.#report;
  }

  #isBehind({ viewer, run, received, states }: Subscription): boolean {
    if (run === undefined || this.#world.lostAt(viewer, run) !== undefined) return false;
    return (received ? received.cursor : states.get(run.id)) !== run.lastSeq;
  }

  #events(subscription: Subscription, { events, lastSeq }: Data): void {
    const { received, run } = subscription;
    if (received === undefined || run === undefined) throw new Error('events of no run');
    if (events.length > 0) this.#seen(subscription, run);
    for (const event of events) {
      this.#line(subscription, run, event);
      received.take(event);
    }
    const { lost, doubled, reordered } = received.tally();
    if (lost + doubled + reordered > 0) this.#fault(subscription, 'not in order', JSON.stringify(events));
    if (lastSeq < received.cursor) this.#fault(subscription, 'lastSeq is not the last', String(lastSeq));
  }

  #state(subscription: Subscription, answer: Data): void {
    const run = this.#world.runs.get(answer.databaseId);
    if (run === undefined) {
      this.#leak(subscription, 'a run that nobody has', answer.databaseId);
      return;
    }
    if (subscription.run && subscription.run !== run) this.#leak(subscription, 'another run', run.id);
    if (!this.#isRowAlone(subscription, run, answer)) this.#seen(subscription, run);
    this.#madeFor(subscription, run, answer);
    this.#newer(subscription, run, answer);
    for (const { node } of answer.events?.edges ?? []) this.#line(subscription, run, node);
  }

  /** The row of a run stays its owner's when they leave the tenant, and stays in their list; its feed does not. */
  #isRowAlone({ viewer, field }: Subscription, run: Run, { lastSeq }: Data): boolean {
    return field === 'executionsChanged' && viewer.owner === run.owner && lastSeq === 0 && !run.goneAt;
  }

  /** `isMine` depends on who looks, and the service and the owner look at the same runs in the same words. */
  #madeFor(subscription: Subscription, run: Run, { config }: Data): void {
    const mine = run.config.owner === subscription.viewer.owner;
    if (config?.name === run.config.name && config.isMine === mine) return;
    this.#leak(subscription, 'an answer made for somebody else', JSON.stringify(config));
  }

  #newer(subscription: Subscription, run: Run, { lastSeq }: Data): void {
    // The row may still be read when its stream is not.
    if (lastSeq === 0 && this.#world.mayHaveLost(subscription.viewer, run, subscription.since)) return;
    const { states } = subscription;
    const known = states.get(run.id) ?? 0;
    if (lastSeq < known) this.#fault(subscription, 'an older state', `${lastSeq} after ${known}`);
    states.set(run.id, lastSeq);
  }

  #line(subscription: Subscription, run: Run, { seq, message }: Data): void {
    if (message === undefined || message === lineOf(run.id, seq)) return;
    this.#leak(subscription, 'a line of somebody else', `${seq}: ${message}`);
  }

  /** Something of a run has come. */
  #seen(subscription: Subscription, run: Run): void {
    const lostAt = this.#world.lostAt(subscription.viewer, run);
    if (lostAt === undefined) return;
    const late = performance.now() - lostAt;
    if (late <= LOST_WITHIN_MS) return;
    this.#leak(
      subscription,
      'a run that is not to be seen',
      `${run.id}, ${Math.round(late)} ms after it was lost`,
    );
  }

  #failed(subscription: Subscription, errors: Data[]): void {
    for (const { message, extensions } of errors) {
      const code = extensions?.code ?? message;
      this.#report.errors[code] = (this.#report.errors[code] ?? 0) + 1;
      if (code === 'NOT_FOUND' && this.#mayBeLost(subscription)) this.#endedFor(subscription);
      else this.#fault(subscription, code, message);
    }
  }

  #mayBeLost({ viewer, run, since, field }: Subscription): boolean {
    // A run that is listed may go before it is read.
    if (field === 'executionsChanged') return true;
    return run !== undefined && this.#world.mayHaveLost(viewer, run, since);
  }

  #endedFor({ viewer, run, overAt, since }: Subscription): void {
    const lostAt = run && this.#world.lostAt(viewer, run);
    if (lostAt === undefined || overAt !== undefined || since > lostAt) return;
    const { revoked } = this.#report;
    revoked.ended += 1;
    revoked.slowestMs = Math.max(revoked.slowestMs, Math.round(performance.now() - lostAt));
  }

  #hasEnded(subscription: Subscription): void {
    const { viewer, run } = subscription;
    if (run === undefined || !this.open.has(subscription)) return;
    const lostAt = this.#world.lostAt(viewer, run);
    // Restored, or restored and lost again, since.
    if (lostAt === undefined || performance.now() - lostAt < LOST_WITHIN_MS) return;
    this.#report.revoked.overdue += 1;
  }

  #fault(subscription: Subscription, kind: string, example = ''): void {
    this.fault(`${subscription.field}: ${kind}`, `${nameOf(subscription)}: ${example}`);
  }

  #leak(subscription: Subscription, kind: string, example = ''): void {
    this.leak(`${subscription.field}: ${kind}`, `${nameOf(subscription)}: ${example}`);
  }
}

function nameOf({ viewer, field, run, variables }: Subscription): string {
  return `${viewer.name}, ${field} ${run?.id ?? ''} ${JSON.stringify(variables)}`;
}
