import { addScaled, dot, softmax } from './kernels.ts';
import type { Random } from './random.ts';

/**
 * A neural n-gram language model: the embeddings of the last `context` tokens, side by side, feed one hidden layer
 * (tanh), and that a softmax over the vocabulary.
 */
export interface ModelShape {
  readonly vocabulary: number;
  readonly context: number;
  readonly embedding: number;
  readonly hidden: number;
}

export interface Model {
  readonly shape: ModelShape;
  /** All weights in one array, in the order of `layout`, so that optimizer and checkpoint know nothing of layers. */
  readonly parameters: Float64Array;
}

/** Reused from prediction to prediction: allocation in the hot loop doubled the time of a step. */
export interface Workspace {
  readonly input: Float64Array;
  readonly hidden: Float64Array;
  readonly probabilities: Float64Array;
  readonly inputGradient: Float64Array;
  readonly hiddenGradient: Float64Array;
}

function layout({ vocabulary, context, embedding, hidden }: ModelShape) {
  const width = context * embedding;
  const inputWeights = vocabulary * embedding;
  const inputBias = inputWeights + hidden * width;
  const outputWeights = inputBias + hidden;
  const outputBias = outputWeights + vocabulary * hidden;
  return { width, inputWeights, inputBias, outputWeights, outputBias, length: outputBias + vocabulary };
}

export const parameterCount = (shape: ModelShape): number => layout(shape).length;

export function createModel(shape: ModelShape, random: Random): Model {
  const at = layout(shape);
  const parameters = new Float64Array(at.length);
  const fill = (start: number, end: number, scale: number): void => {
    for (let i = start; i < end; i += 1) parameters[i] = random.normal() * scale;
  };
  fill(0, at.inputWeights, 0.3);
  fill(at.inputWeights, at.inputBias, 1 / Math.sqrt(at.width));
  fill(at.outputWeights, at.outputBias, 0.5 / Math.sqrt(shape.hidden));
  return { shape, parameters };
}

export function createWorkspace(shape: ModelShape): Workspace {
  const { width } = layout(shape);
  return {
    input: new Float64Array(width),
    hidden: new Float64Array(shape.hidden),
    probabilities: new Float64Array(shape.vocabulary),
    inputGradient: new Float64Array(width),
    hiddenGradient: new Float64Array(shape.hidden),
  };
}

/**
 * Predicts `tokens[position]` from the `context` tokens before it, which must exist.
 * Leaves the distribution in `work.probabilities` and returns the log-probability of the token, in nats.
 */
export function predict(model: Model, work: Workspace, tokens: Uint16Array, position: number): number {
  const { shape, parameters } = model;
  const at = layout(shape);
  for (let c = 0; c < shape.context; c += 1) {
    const start = (tokens[position - shape.context + c] as number) * shape.embedding;
    for (let e = 0; e < shape.embedding; e += 1) {
      work.input[c * shape.embedding + e] = parameters[start + e] as number;
    }
  }
  for (let j = 0; j < shape.hidden; j += 1) {
    const sum = dot(parameters, at.inputWeights + j * at.width, work.input, 0, at.width);
    work.hidden[j] = Math.tanh(sum + (parameters[at.inputBias + j] as number));
  }
  for (let v = 0; v < shape.vocabulary; v += 1) {
    const sum = dot(parameters, at.outputWeights + v * shape.hidden, work.hidden, 0, shape.hidden);
    work.probabilities[v] = sum + (parameters[at.outputBias + v] as number);
  }
  return softmax(work.probabilities, tokens[position] as number);
}

/**
 * Adds `weight` times the gradient of −log p(tokens[position]) to `gradient`. To be called right after `predict` with
 * the same model, workspace and position; uses up `work.probabilities`.
 */
export function accumulate(
  model: Model,
  work: Workspace,
  gradient: Float64Array,
  tokens: Uint16Array,
  position: number,
  weight: number,
): void {
  const { shape, parameters } = model;
  const at = layout(shape);
  const target = tokens[position] as number;
  work.probabilities[target] = (work.probabilities[target] as number) - 1;
  work.hiddenGradient.fill(0);
  for (let v = 0; v < shape.vocabulary; v += 1) {
    const error = (work.probabilities[v] as number) * weight;
    const row = at.outputWeights + v * shape.hidden;
    addScaled(gradient, row, error, work.hidden, 0, shape.hidden);
    addScaled(work.hiddenGradient, 0, error, parameters, row, shape.hidden);
    gradient[at.outputBias + v] = (gradient[at.outputBias + v] as number) + error;
  }
  work.inputGradient.fill(0);
  for (let j = 0; j < shape.hidden; j += 1) {
    const activation = work.hidden[j] as number;
    const error = (work.hiddenGradient[j] as number) * (1 - activation * activation);
    const row = at.inputWeights + j * at.width;
    addScaled(gradient, row, error, work.input, 0, at.width);
    addScaled(work.inputGradient, 0, error, parameters, row, at.width);
    gradient[at.inputBias + j] = (gradient[at.inputBias + j] as number) + error;
  }
  for (let c = 0; c < shape.context; c += 1) {
    const start = (tokens[position - shape.context + c] as number) * shape.embedding;
    addScaled(gradient, start, 1, work.inputGradient, c * shape.embedding, shape.embedding);
  }
}
