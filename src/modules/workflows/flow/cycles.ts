import { HOLDS, type Linked } from './links.ts';
import { followers, type Places } from './places.ts';

/**
 * Circles that would never end: steps that follow each other within one place, and steps that hold each other, as two that
 * are each other's fallback. Going round a loop is none.
 *
 * @returns each as its steps in order, beginning with the first in the array; one for each step that closes a circle
 */
export function cyclesIn({ startStepId }: { startStepId: string }, places: Places): Linked[][] {
  const steps = [...places.byId.values()];
  const heldBy = (step: Linked) => HOLDS.flatMap((kind) => places.heldBy(step, kind)?.members ?? []);
  const main = places.all[0];
  // Whoever holds the start step would begin everything anew, and with it himself.
  const withMain = (step: Linked) =>
    step.id === startStepId ? [...heldBy(step), ...(main?.members ?? [])] : heldBy(step);
  const holding = circles(steps, (step) =>
    withMain(step).filter((held) => held !== step || heldBy(step).includes(step)),
  );
  const following = places.all.flatMap((place) => circles(place.members, (step) => followers(place, step)));
  return [...holding, ...following];
}

/** A depth-first walk over at most some hundred steps; every edge back onto the path that is being walked closes a circle. */
function circles(steps: readonly Linked[], after: (step: Linked) => readonly Linked[]): Linked[][] {
  const found: Linked[][] = [];
  const done = new Set<Linked>();
  const path: Linked[] = [];
  const walk = (step: Linked) => {
    const begin = path.indexOf(step);
    if (begin !== -1) found.push(path.slice(begin));
    if (begin !== -1 || done.has(step)) return;
    path.push(step);
    for (const next of new Set(after(step))) walk(next);
    path.pop();
    done.add(step);
  };
  for (const step of steps) walk(step);
  return found;
}
