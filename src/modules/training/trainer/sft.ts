import type { TokenStream } from './corpus.ts';
import { accumulate, createWorkspace, type Model, predict } from './model.ts';
import type { Phase } from './phase.ts';

/**
 * Held-out characters that one evaluation looks at, spread evenly over all of them. 4,000 take about 0.1 s with the
 * default model, and no signal is answered meanwhile.
 */
const maxEvaluated = 4000;

export interface SftOptions {
  readonly model: Model;
  readonly training: TokenStream;
  readonly heldOut: TokenStream;
  readonly steps: number;
  readonly batchSize: number;
  readonly learningRate: number;
}

/** Supervised fine-tuning: the mean −log p of random positions of the training text. */
export function createSftPhase(options: SftOptions): Phase {
  const { model, training, heldOut, steps, batchSize, learningRate } = options;
  const work = createWorkspace(model.shape);
  return {
    name: 'sft',
    steps,
    learningRate,
    epochsAfter: (count) => (count * batchSize) / training.positions.length,
    begin: () => {},
    state: () => new Float64Array(0),
    restore: () => {},
    step(gradient, random) {
      let total = 0;
      for (let i = 0; i < batchSize; i += 1) {
        const position = training.positions[random.below(training.positions.length)] as number;
        total -= predict(model, work, training.tokens, position);
        accumulate(model, work, gradient, training.tokens, position, 1 / batchSize);
      }
      return { loss: total / batchSize };
    },
    evaluate: () => ({ eval_loss: meanLoss(model, heldOut) }),
  };
}

/** Mean −log p, in nats a character, over the stream's positions. */
export function meanLoss(model: Model, { tokens, positions }: TokenStream): number {
  const work = createWorkspace(model.shape);
  const count = Math.min(maxEvaluated, positions.length);
  let total = 0;
  for (let i = 0; i < count; i += 1) {
    const position = positions[Math.floor((i * positions.length) / count)] as number;
    total -= predict(model, work, tokens, position);
  }
  return total / count;
}
