import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { readCheckpoint } from './checkpoint.ts';
import { createCorpus } from './corpus.ts';
import { type Dataset, loadDataset } from './dataset.ts';
import { writeFileAtomically } from './files.ts';
import { type LoopResult, runLoop } from './loop.ts';
import { createModel, parameterCount } from './model.ts';
import { writeModelFile } from './model-file.ts';
import type { Output } from './output.ts';
import type { Measurements } from './phase.ts';
import { modelShape, planPhases } from './phases.ts';
import { randomFromSeed } from './random.ts';
import type { Run } from './run-file.ts';

/** The content of `<run folder>/result.json`, written last, whole or not at all. */
export interface RunResult {
  /** Absolute. */
  readonly model_path: string;
  /** final_loss, eval_loss, unigram_entropy (nats a character), steps, parameters, seconds; for dpo also rewards. */
  readonly metrics: Measurements;
}

export interface TrainOptions {
  readonly output: Output;
  /** Asked after every step; once true, the run stops behind a checkpoint. */
  readonly shouldStop: () => boolean;
}

/**
 * Trains what the run describes, going on from the folder's checkpoint where there is one of the same run.
 *
 * @returns undefined when it was stopped before the end.
 * @throws TrainerInputError when data or settings are unfit.
 */
export async function train(run: Run, { output, shouldStop }: TrainOptions): Promise<RunResult | undefined> {
  const begun = performance.now();
  const datasets = await Promise.all(run.datasets.map(loadDataset));
  await describeInput(run, datasets, output);
  const { hyperparameters } = run;
  const random = randomFromSeed(hyperparameters.seed);
  const records = datasets.flatMap((dataset) => dataset.records);
  const corpus = createCorpus(records, hyperparameters, random);
  const model = createModel(modelShape(run, corpus.vocabulary.size), random);
  const plan = planPhases(run, corpus, model);
  const fingerprint = fingerprintOf(run, datasets);
  const found = await readCheckpoint(run.folder, fingerprint);
  const resume = 'checkpoint' in found ? found.checkpoint : undefined;
  if (resume) await output.line(`Going on from the checkpoint at step ${resume.step}`);
  if ('none' in found && found.none) {
    await output.line(`WARNING: the checkpoint found is not taken up: ${found.none}; starting at step 0`);
  }
  await output.line(
    `Training ${run.modelName} (${run.method}): ${parameterCount(model.shape)} weights, ${corpus.vocabulary.size} tokens, ` +
      `${corpus.training.length} records to train on, ${corpus.heldOut.length} held out, ` +
      `unigram entropy ${plan.unigramEntropy.toFixed(4)} nats a character`,
  );
  const result = await runLoop({
    folder: run.folder,
    fingerprint,
    model,
    phases: plan.phases,
    random,
    resume,
    evalEvery: hyperparameters.eval_every,
    checkpointEvery: hyperparameters.checkpoint_every,
    output,
    shouldStop,
  });
  if (result.stopped) {
    await output.line(`Stopped at step ${result.step} of ${result.totalSteps}`);
    return undefined;
  }
  const metrics: Measurements = {
    ...finalMetrics(result),
    language_loss: plan.languageLoss(),
    unigram_entropy: plan.unigramEntropy,
    steps: result.totalSteps,
    parameters: parameterCount(model.shape),
    seconds: Math.round(performance.now() - begun) / 1000,
  };
  const modelPath = join(run.outputDir, 'model.json');
  const { method, modelName: name } = run;
  await writeModelFile(modelPath, { name, method, model, vocabulary: corpus.vocabulary, metrics });
  const written: RunResult = { model_path: modelPath, metrics };
  await writeFileAtomically(join(run.folder, 'result.json'), `${JSON.stringify(written, null, 2)}\n`);
  await output.line(
    `Done: held-out loss ${(metrics.language_loss ?? 0).toFixed(4)} nats a character; model ${modelPath}`,
  );
  return written;
}

function finalMetrics({ last, evaluation }: LoopResult): Measurements {
  const { loss, ...rest } = last;
  return { ...(loss === undefined ? {} : { final_loss: loss }), ...rest, ...evaluation };
}

async function describeInput(run: Run, datasets: readonly Dataset[], output: Output): Promise<void> {
  for (const { name, records, repairedLines } of datasets) {
    await output.line(`Dataset ${name}: ${records.length} records`);
    if (repairedLines.length > 0) {
      const lines = repairedLines.slice(0, 5).join(', ');
      await output.line(
        `WARNING: dataset ${name}: bytes that are not UTF-8 became U+FFFD in ${repairedLines.length} lines (${lines}…)`,
      );
    }
  }
  if (run.unusedHyperparameters.length > 0) {
    await output.line(
      `WARNING: hyperparameters this trainer has no use for: ${run.unusedHyperparameters.join(', ')}`,
    );
  }
}

/** Equal for the attempts of one run over unchanged data and settings, and for nothing else. */
function fingerprintOf(run: Run, datasets: readonly Dataset[]): string {
  const { executionId, method, hyperparameters } = run;
  const data = run.datasets.map(({ path, format }, index) => [
    basename(path),
    format,
    datasets[index]?.sha256,
  ]);
  const text = JSON.stringify({ executionId, method, hyperparameters, data });
  return createHash('sha256').update(text).digest('hex');
}
