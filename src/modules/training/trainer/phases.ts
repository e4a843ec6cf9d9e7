import { type Corpus, createStream, unigramEntropy } from './corpus.ts';
import { createDpoPhase, preferencePairs } from './dpo.ts';
import { TrainerInputError } from './errors.ts';
import { type Model, type ModelShape, parameterCount } from './model.ts';
import type { Phase } from './phase.ts';
import type { Run } from './run-file.ts';
import { createSftPhase } from './sft.ts';

/**
 * A step is not interrupted, and a signal must be answered within a second: at these limits, weights touched in one
 * step and weights of the model, a step or an evaluation takes about half of one.
 */
const maxWorkPerStep = 150_000_000;
const maxParameters = 300_000;

export interface Plan {
  readonly phases: readonly Phase[];
  /** See `unigramEntropy`; of the same characters that `eval_loss` of sft is measured on. */
  readonly unigramEntropy: number;
  /** Mean loss of the model on these characters. */
  readonly languageLoss: () => number;
}

export function modelShape(run: Run, vocabularySize: number): ModelShape {
  const { context, embedding_dim, hidden_dim } = run.hyperparameters;
  const shape = { vocabulary: vocabularySize, context, embedding: embedding_dim, hidden: hidden_dim };
  const parameters = parameterCount(shape);
  if (parameters > maxParameters) {
    throw new TrainerInputError(
      'bad_run_file',
      `config.hyperparameters: context, embedding_dim and hidden_dim make a model of ${parameters} weights, this trainer takes ${maxParameters}`,
    );
  }
  return shape;
}

/** What the run does, step by step: sft alone, or sft and then dpo on the preference pairs. */
export function planPhases(run: Run, corpus: Corpus, model: Model): Plan {
  const { method, hyperparameters: h } = run;
  const { vocabulary } = corpus;
  const training = createStream(vocabulary, corpus.training, {
    context: h.context,
    predict: h.train_on_inputs ? 'everything' : 'answers',
  });
  const heldOut = createStream(vocabulary, corpus.heldOut, { context: h.context, predict: 'text' });
  if (training.positions.length === 0) {
    throw new TrainerInputError(
      'bad_dataset',
      'the datasets have no answers to train on (train_on_inputs is false)',
    );
  }
  checkWork('batch_size', h.batch_size, model);
  const sft = createSftPhase({
    model,
    training,
    heldOut,
    steps: method === 'sft' ? h.steps : h.sft_steps,
    batchSize: h.batch_size,
    learningRate: h.learning_rate,
  });
  const phases = method === 'sft' ? [sft] : [sft, planDpo(run, corpus, model)];
  const languageLoss = () => sft.evaluate().eval_loss ?? Number.NaN;
  return { phases, unigramEntropy: unigramEntropy(heldOut), languageLoss };
}

function planDpo(run: Run, corpus: Corpus, model: Model): Phase {
  const { hyperparameters: h, datasets } = run;
  const pairsOf = (records: Corpus['training']) =>
    preferencePairs(corpus.vocabulary, records, h.context, h.max_response_length);
  const training = pairsOf(corpus.training);
  if (training.length === 0) {
    const names = datasets.map((dataset) => dataset.name).join(', ');
    throw new TrainerInputError(
      'bad_dataset',
      `method: dpo needs preference pairs, lines with prompt, chosen and rejected; ${names} has none to train on`,
    );
  }
  checkWork(
    'pair_batch_size × 2 × max_response_length',
    h.pair_batch_size * 2 * h.max_response_length,
    model,
  );
  return createDpoPhase({
    model,
    training,
    heldOut: pairsOf(corpus.heldOut),
    steps: h.steps,
    pairBatchSize: h.pair_batch_size,
    learningRate: h.dpo_learning_rate,
    beta: h.beta,
  });
}

function checkWork(name: string, predictions: number, model: Model): void {
  const work = predictions * model.parameters.length;
  if (work <= maxWorkPerStep) return;
  throw new TrainerInputError(
    'bad_run_file',
    `config.hyperparameters: ${name} times the model's ${model.parameters.length} weights is ${work}, above ${maxWorkPerStep}: a step would take seconds`,
  );
}
