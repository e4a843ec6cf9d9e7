import { createWorkspace, type Model, predict } from './model.ts';
import { randomFromSeed } from './random.ts';
import { decodeToken, token, type Vocabulary } from './vocabulary.ts';

export interface SampleOptions {
  /** What a user says; without it the model begins a document of its own. */
  readonly prompt?: string | undefined;
  /** Tokens at most; drawing ends earlier where the model ends its document. */
  readonly length: number;
  /** 1 draws as the model predicts, less is more likely text, 0 always the likeliest. */
  readonly temperature: number;
  readonly seed: number;
}

/** Text drawn from the model, one token after the other. */
export function* sample(model: Model, vocabulary: Vocabulary, options: SampleOptions): Generator<string> {
  const { context } = model.shape;
  const random = randomFromSeed(options.seed);
  const work = createWorkspace(model.shape);
  const history: number[] = Array.from({ length: context }, () => token.pad);
  if (options.prompt !== undefined) {
    const characters = Array.from(options.prompt, (character) => vocabulary.encode(character));
    history.push(token.user, ...characters, token.assistant);
  }
  for (let i = 0; i < options.length; i += 1) {
    // The last place is what is predicted; whatever stands there only tells which probability comes back.
    predict(model, work, Uint16Array.from([...history.slice(-context), token.pad]), context);
    const id = draw(work.probabilities, options.temperature, random.next());
    if (id === token.end) return;
    history.push(id);
    const text = decodeToken(vocabulary, id);
    // A document begins with who speaks; that first line break says nothing.
    if (i > 0 || text !== '\n') yield text;
  }
}

function draw(probabilities: Float64Array, temperature: number, uniform: number): number {
  const candidates = [...probabilities.entries()].filter(([id]) => id !== token.pad && id !== token.unknown);
  const [likeliest] = candidates.reduce((best, entry) => (entry[1] > best[1] ? entry : best));
  if (temperature === 0) return likeliest;
  const weights = candidates.map(([, probability]) => probability ** (1 / temperature));
  let left = uniform * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return candidates[index]?.[0] ?? likeliest;
  }
  return likeliest;
}
