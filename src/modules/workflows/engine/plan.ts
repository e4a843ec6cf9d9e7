import type { RetryPolicy } from '../../executions/shapes.ts';
import type { Definition } from '../definition/definition.ts';
import type { Step } from '../definition/step.ts';
import { linksOf } from '../flow/links.ts';
import { followers, type Place, placesOf } from '../flow/places.ts';

/** A definition in the form that runs: what runcast.start_workflow keeps with an execution. */
export type Plan = {
  steps: Record<string, PlannedStep>;
  /** By `main` or `<id of the step that holds it>/<then, else, loop, fallback or compensate>`. */
  places: Record<string, PlannedMember[]>;
  errorStrategy: 'fail' | 'continue' | 'rollback';
  /** Whether the owner is told of a failure. */
  notify: boolean;
};

export type PlannedStep = Pick<Step, 'name' | 'type' | 'config'> & {
  retry?: RetryPolicy | undefined;
  timeout?: number | undefined;
  onError?: string | undefined;
  /** Under which name of the state its output is kept. */
  saveAs?: string | undefined;
};

export type PlannedMember = {
  step: string;
  /** The steps of the place that lead to it; none for those that the place begins with. */
  after: string[];
  /** Whether the first of them is enough. */
  any: boolean;
  /** Whether nothing follows it. */
  last: boolean;
};

/** @param definition without faults, as `definitionFaults` finds them */
export function planOf(definition: Definition): Plan {
  const { steps, startStepId, globalRetry, errorHandler } = definition;
  const places = placesOf(startStepId, linksOf(steps));
  const byId = new Map(steps.map((step) => [step.id, step]));
  return {
    steps: Object.fromEntries(steps.map((step) => [step.id, planned(step, globalRetry)])),
    places: Object.fromEntries(places.all.map((place) => [keyOf(place), membersOf(place, byId)])),
    errorStrategy: errorHandler?.strategy ?? 'fail',
    notify: errorHandler?.notification ?? false,
  };
}

function keyOf({ owner, kind }: Place): string {
  return owner ? `${owner.id}/${kind}` : 'main';
}

function membersOf(place: Place, byId: ReadonlyMap<string, Step>): PlannedMember[] {
  const leads = place.members.map((from) => ({ from: from.id, to: followers(place, from) }));
  return place.members.map((member) => ({
    step: member.id,
    after: leads.filter(({ to }) => to.includes(member)).map(({ from }) => from),
    any: byId.get(member.id)?.metadata?.join === 'any',
    last: followers(place, member).length === 0,
  }));
}

/** Without a policy `onError: retry` tries again as the engine has it by default. */
const DEFAULT_RETRY: RetryPolicy = { enabled: true, maxAttempts: 3, backoff: 'exponential' };

function planned(step: Step, globalRetry: RetryPolicy | undefined): PlannedStep {
  const { name, type, config, timeout, onError, metadata } = step;
  const retry = step.retry ?? globalRetry ?? (onError === 'retry' ? DEFAULT_RETRY : undefined);
  return { name, type, config, retry, timeout, onError, saveAs: metadata?.saveAs };
}
