/** Adam's moments; together with the weights and the generator, all that a step depends on. */
export interface AdamState {
  readonly first: Float64Array;
  readonly second: Float64Array;
  /** Updates made so far. */
  updates: number;
}

const beta1 = 0.9;
const beta2 = 0.99;
const epsilon = 1e-8;
/** A gradient longer than this is shortened to it. Ordinary steps stay below 1; dpo's first ones would not. */
const maxNorm = 5;

export function createAdam(length: number): AdamState {
  return { first: new Float64Array(length), second: new Float64Array(length), updates: 0 };
}

/** One update of `parameters` in place. Returns the norm of the gradient as it came. */
export function adamStep(
  state: AdamState,
  parameters: Float64Array,
  gradient: Float64Array,
  learningRate: number,
): number {
  let squares = 0;
  for (let i = 0; i < gradient.length; i += 1) squares += (gradient[i] as number) ** 2;
  const norm = Math.sqrt(squares);
  const scale = norm > maxNorm ? maxNorm / norm : 1;
  state.updates += 1;
  const rate = (learningRate * Math.sqrt(1 - beta2 ** state.updates)) / (1 - beta1 ** state.updates);
  const { first, second } = state;
  for (let i = 0; i < gradient.length; i += 1) {
    const slope = (gradient[i] as number) * scale;
    const mean = beta1 * (first[i] as number) + (1 - beta1) * slope;
    const variance = beta2 * (second[i] as number) + (1 - beta2) * slope * slope;
    first[i] = mean;
    second[i] = variance;
    parameters[i] = (parameters[i] as number) - (rate * mean) / (Math.sqrt(variance) + epsilon);
  }
  return norm;
}

/** Ten steps of warm-up, then half a cosine down to a tenth of the peak. `step` counts from 1. */
export function scheduledRate(peak: number, step: number, steps: number): number {
  const warmUp = Math.min(10, steps);
  if (step <= warmUp) return (peak * step) / warmUp;
  const done = (step - warmUp) / Math.max(1, steps - warmUp);
  return peak * (0.1 + 0.45 * (1 + Math.cos(Math.PI * done)));
}
