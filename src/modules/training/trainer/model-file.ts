import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { TrainerInputError } from './errors.ts';
import { float32FromBase64, toBase64, writeFileAtomically } from './files.ts';
import { type Model, parameterCount } from './model.ts';
import { type Vocabulary, vocabularyOf } from './vocabulary.ts';

const size = z.int().min(1);

/** One JSON object; `parameters` holds little-endian 32-bit floats in the order of the model's layout. */
const schema = z.object({
  format: z.literal('runcast-character-lm'),
  version: z.literal(1),
  name: z.string(),
  method: z.enum(['sft', 'dpo']),
  shape: z.object({ vocabulary: size, context: size, embedding: size, hidden: size }),
  characters: z.array(z.string()),
  metrics: z.record(z.string(), z.number()),
  parameters: z.string(),
});

export interface ModelFileContent {
  readonly name: string;
  readonly method: 'sft' | 'dpo';
  readonly model: Model;
  readonly vocabulary: Vocabulary;
  readonly metrics: Readonly<Record<string, number>>;
}

export async function writeModelFile(path: string, content: ModelFileContent): Promise<void> {
  const { name, method, model, vocabulary, metrics } = content;
  const file: z.input<typeof schema> = {
    format: 'runcast-character-lm',
    version: 1,
    name,
    method,
    shape: model.shape,
    characters: [...vocabulary.characters],
    metrics,
    parameters: toBase64(Float32Array.from(model.parameters)),
  };
  await writeFileAtomically(path, `${JSON.stringify(file)}\n`);
}

/** @throws TrainerInputError when the file cannot be read or is not a model of this trainer. */
export async function readModelFile(path: string): Promise<ModelFileContent> {
  try {
    const file = schema.parse(JSON.parse(await readFile(path, 'utf8')));
    const { name, method, shape, metrics } = file;
    const vocabulary = vocabularyOf(file.characters);
    const parameters = Float64Array.from(float32FromBase64(file.parameters));
    if (parameters.length !== parameterCount(shape) || vocabulary.size !== shape.vocabulary) {
      throw new Error('its weights do not fit its shape');
    }
    return { name, method, model: { shape, parameters }, vocabulary, metrics };
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : String(error);
    throw new TrainerInputError('bad_model_file', `${path} is not a model that can be read: ${reason}`);
  }
}
