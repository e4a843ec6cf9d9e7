import * as z from 'zod';
import { TrainerInputError } from './errors.ts';

const integer = (min: number, max: number) => z.int().min(min).max(max);

/**
 * What this trainer reads of `config.hyperparameters`. Every field has a default and bounds; what it does not know
 * (a config may be written for another provider too) is named in one line of output and otherwise ignored.
 */
const schema = z.object({
  /** Optimizer steps of the run's own method. 1–100,000. */
  steps: integer(1, 100_000).default(300),
  /** Characters predicted in one step of sft. 1–4,096. */
  batch_size: integer(1, 4096).default(128),
  /** Adam's peak rate in sft; ten warm-up steps, then a cosine down to a tenth. */
  learning_rate: z.number().min(1e-6).max(1).default(0.005),
  /** Characters that the model sees before the one it predicts. 1–64. */
  context: integer(1, 64).default(16),
  embedding_dim: integer(2, 64).default(16),
  hidden_dim: integer(4, 512).default(128),
  /** Decides initial weights, batches and the held-out split. `seed` of the run file comes first. */
  seed: integer(0, Number.MAX_SAFE_INTEGER).default(1),
  /** Steps between two measurements on what was held out; default a tenth of the run. */
  eval_every: integer(1, 100_000).optional(),
  /** Steps between two checkpoints; default a tenth of the run. */
  checkpoint_every: integer(1, 100_000).optional(),
  /** Share of the records that is held out and never trained on. */
  held_out: z.number().min(0.01).max(0.5).default(0.1),
  /** Distinct characters kept, the most frequent first; the rest become one "unknown" token. */
  max_vocabulary: integer(16, 1024).default(256),
  /** false: the loss counts only what the assistant says, not prompts and system messages. */
  train_on_inputs: z.boolean().default(true),
  /** dpo: how strongly the policy is held to the reference. */
  beta: z.number().min(0.001).max(10).default(0.1),
  /** dpo: steps of sft on the chosen answers before; what comes out is the frozen reference. */
  sft_steps: integer(0, 100_000).default(200),
  /** dpo: preference pairs in one step. 1–64. */
  pair_batch_size: integer(1, 64).default(8),
  /** dpo: peak rate of the second phase. */
  dpo_learning_rate: z.number().min(1e-6).max(1).default(0.0005),
  /** dpo: characters of an answer that count; the rest is cut off. */
  max_response_length: integer(8, 512).default(128),
});

export type Hyperparameters = Readonly<z.output<typeof schema>>;

export interface ReadHyperparameters {
  readonly hyperparameters: Hyperparameters;
  /** Names that this trainer has no use for. */
  readonly unused: readonly string[];
}

/** @throws TrainerInputError naming every field at fault as `config.hyperparameters.<name>`. */
export function readHyperparameters(value: unknown): ReadHyperparameters {
  const given = value ?? {};
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => {
      const name = ['config.hyperparameters', ...issue.path].join('.');
      return `${name}: ${issue.message}`;
    });
    throw new TrainerInputError('bad_run_file', faults.join('; '));
  }
  const unused = Object.keys(given).filter((name) => !(name in schema.shape));
  return { hyperparameters: parsed.data, unused };
}
