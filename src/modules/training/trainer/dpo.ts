import { accumulate, createWorkspace, type Model, predict } from './model.ts';
import type { Measurements, Phase } from './phase.ts';
import type { TrainingRecord } from './records.ts';
import { encodeTurns, token, type Vocabulary } from './vocabulary.ts';

/** Held-out pairs that one evaluation looks at; 32 take about 0.3 s at the longest answers. */
const maxEvaluated = 32;

/** One answer behind its prompt; `start` is where the answer begins. */
interface Answer {
  readonly tokens: Uint16Array;
  readonly start: number;
}

export interface PreferencePair {
  readonly chosen: Answer;
  readonly rejected: Answer;
}

/** The records that have a `rejected` answer, encoded; the others are left out. */
export function preferencePairs(
  vocabulary: Vocabulary,
  records: readonly TrainingRecord[],
  context: number,
  maxResponseLength: number,
): PreferencePair[] {
  const padding = Array.from({ length: context }, () => token.pad as number);
  return records.flatMap(({ turns, rejected }) => {
    const chosen = turns.at(-1);
    if (rejected === undefined || chosen === undefined) return [];
    const prompt = [...padding, ...encodeTurns(vocabulary, turns.slice(0, -1)), token.assistant];
    const answer = (text: string): Answer => {
      const response = [...Array.from(text, (character) => vocabulary.encode(character)), token.end];
      return {
        tokens: Uint16Array.from([...prompt, ...response.slice(0, maxResponseLength)]),
        start: prompt.length,
      };
    };
    return [{ chosen: answer(chosen.text), rejected: answer(rejected) }];
  });
}

export interface DpoOptions {
  readonly model: Model;
  readonly training: readonly PreferencePair[];
  readonly heldOut: readonly PreferencePair[];
  readonly steps: number;
  readonly pairBatchSize: number;
  readonly learningRate: number;
  readonly beta: number;
}

/**
 * Direct preference optimization (Rafailov et al. 2023): −log σ(β·margin), where the margin is how much more than the
 * frozen reference the policy prefers the chosen answer to the rejected one.
 */
export function createDpoPhase(options: DpoOptions): Phase {
  const { model, training, heldOut, steps, pairBatchSize, learningRate, beta } = options;
  const work = createWorkspace(model.shape);
  const reference: Model = { shape: model.shape, parameters: new Float64Array(model.parameters.length) };
  /** The reference never changes while the phase lasts, so each answer is asked once. */
  const referenceLogs = new Map<Answer, number>();

  const logProbability = (of: Model, { tokens, start }: Answer): number => {
    let sum = 0;
    for (let position = start; position < tokens.length; position += 1) {
      sum += predict(of, work, tokens, position);
    }
    return sum;
  };
  const rewardOf = (answer: Answer): number => {
    const known = referenceLogs.get(answer) ?? logProbability(reference, answer);
    referenceLogs.set(answer, known);
    return beta * (logProbability(model, answer) - known);
  };
  const rewardsOf = (pair: PreferencePair) => {
    const chosen = rewardOf(pair.chosen);
    const rejected = rewardOf(pair.rejected);
    return { margin: chosen - rejected, chosen, rejected };
  };
  const pushTowards = (answer: Answer, gradient: Float64Array, weight: number): void => {
    for (let position = answer.start; position < answer.tokens.length; position += 1) {
      predict(model, work, answer.tokens, position);
      accumulate(model, work, gradient, answer.tokens, position, weight);
    }
  };

  return {
    name: 'dpo',
    steps,
    learningRate,
    epochsAfter: (count) => (count * pairBatchSize) / training.length,
    begin: () => reference.parameters.set(model.parameters),
    state: () => reference.parameters,
    restore: (state) => reference.parameters.set(state),
    step(gradient, random) {
      const rewards = [];
      for (let i = 0; i < pairBatchSize; i += 1) {
        const pair = training[random.below(training.length)] as PreferencePair;
        const reward = rewardsOf(pair);
        // d loss / d log p(chosen) = −β·σ(−margin), and the opposite for the rejected answer.
        const weight = (beta * sigmoid(-reward.margin)) / pairBatchSize;
        pushTowards(pair.chosen, gradient, weight);
        pushTowards(pair.rejected, gradient, -weight);
        rewards.push(reward);
      }
      return summary(rewards, '');
    },
    evaluate() {
      const pairs = heldOut.slice(0, maxEvaluated);
      return pairs.length === 0 ? {} : summary(pairs.map(rewardsOf), 'eval_');
    },
  };
}

function summary(
  rewards: readonly { margin: number; chosen: number; rejected: number }[],
  prefix: string,
): Measurements {
  const mean = (value: (reward: (typeof rewards)[number]) => number): number =>
    rewards.reduce((sum, reward) => sum + value(reward), 0) / rewards.length;
  return {
    [`${prefix}loss`]: mean(({ margin }) => -Math.log(sigmoid(margin))),
    [`${prefix}reward_accuracy`]: mean(({ margin }) => (margin > 0 ? 1 : 0)),
    [`${prefix}reward_margin`]: mean(({ margin }) => margin),
    [`${prefix}reward_chosen`]: mean(({ chosen }) => chosen),
    [`${prefix}reward_rejected`]: mean(({ rejected }) => rejected),
  };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
