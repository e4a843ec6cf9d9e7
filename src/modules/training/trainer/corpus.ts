import { TrainerInputError } from './errors.ts';
import type { Hyperparameters } from './hyperparameters.ts';
import { type Random, shuffled } from './random.ts';
import type { TrainingRecord } from './records.ts';
import { encodeTurns, firstCharacter, learnVocabulary, token, type Vocabulary } from './vocabulary.ts';

/** Documents one after the other, each behind `context` padding tokens, so that no prediction sees its neighbour. */
export interface TokenStream {
  readonly tokens: Uint16Array;
  /** Where `tokens` is to be predicted. */
  readonly positions: Int32Array;
}

export interface Corpus {
  readonly vocabulary: Vocabulary;
  readonly training: readonly TrainingRecord[];
  readonly heldOut: readonly TrainingRecord[];
}

/**
 * Splits the records into what is trained on and what is held out, and learns the vocabulary from the former alone.
 * Equal records fall on the same side, or the held-out loss would measure memory.
 */
export function createCorpus(
  records: readonly TrainingRecord[],
  { held_out, max_vocabulary }: Hyperparameters,
  random: Random,
): Corpus {
  const groups = new Map<string, TrainingRecord[]>();
  for (const record of records) {
    const key = JSON.stringify(record.turns);
    groups.set(key, [...(groups.get(key) ?? []), record]);
  }
  if (groups.size < 2) {
    throw new TrainerInputError(
      'bad_dataset',
      'the datasets need at least two different records: one is held out',
    );
  }
  const order = shuffled([...groups.values()], random);
  const heldOutCount = Math.min(groups.size - 1, Math.max(1, Math.round(groups.size * held_out)));
  const heldOut = order.slice(0, heldOutCount).flat();
  const training = order.slice(heldOutCount).flat();
  const texts = training.flatMap((record) => [
    ...record.turns.map((turn) => turn.text),
    ...(record.rejected === undefined ? [] : [record.rejected]),
  ]);
  return { vocabulary: learnVocabulary(texts, max_vocabulary), training, heldOut };
}

export interface StreamOptions {
  readonly context: number;
  /**
   * Which tokens are predicted: all of them, what the assistant says and where it ends, or text. System
   * messages are no text here: they are the same in every record, and knowing them by heart would flatter the model.
   */
  readonly predict: 'everything' | 'answers' | 'text';
}

export function createStream(
  vocabulary: Vocabulary,
  records: readonly TrainingRecord[],
  { context, predict }: StreamOptions,
): TokenStream {
  const tokens: number[] = [];
  const positions: number[] = [];
  for (const record of records) {
    for (let i = 0; i < context; i += 1) tokens.push(token.pad);
    let speaker = 0;
    for (const id of [...encodeTurns(vocabulary, record.turns), token.end]) {
      const wanted = {
        everything: true,
        answers: speaker === token.assistant && (id >= firstCharacter || id <= token.end),
        text: speaker !== token.system && (id >= firstCharacter || id === token.unknown),
      };
      if (wanted[predict]) positions.push(tokens.length);
      if (id > token.end && id < firstCharacter) speaker = id;
      tokens.push(id);
    }
  }
  return { tokens: Uint16Array.from(tokens), positions: Int32Array.from(positions) };
}

/**
 * Entropy, in nats, of the characters at the stream's positions under their own frequencies: the least loss that any
 * model can have which does not look at the context.
 */
export function unigramEntropy({ tokens, positions }: TokenStream): number {
  const counts = new Map<number, number>();
  for (const position of positions) {
    const id = tokens[position] as number;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  let entropy = 0;
  for (const count of counts.values()) {
    const share = count / positions.length;
    entropy -= share * Math.log(share);
  }
  return entropy;
}
