import { setImmediate } from 'node:timers/promises';
import { type AdamState, adamStep, createAdam, scheduledRate } from './adam.ts';
import { type Checkpoint, checkpointPath, writeCheckpoint } from './checkpoint.ts';
import type { Model } from './model.ts';
import type { Output } from './output.ts';
import type { Measurements, Phase } from './phase.ts';
import { type Random, randomFrom } from './random.ts';

export interface LoopOptions {
  readonly folder: string;
  readonly fingerprint: string;
  readonly model: Model;
  readonly phases: readonly Phase[];
  readonly random: Random;
  readonly resume: Checkpoint | undefined;
  readonly evalEvery: number | undefined;
  readonly checkpointEvery: number | undefined;
  readonly output: Output;
  /** Looked at after every step: true ends the loop behind a checkpoint. */
  readonly shouldStop: () => boolean;
}

export interface LoopResult {
  readonly stopped: boolean;
  readonly step: number;
  readonly totalSteps: number;
  /** The last step's. */
  readonly last: Measurements;
  /** The last phase's, on what was held out. */
  readonly evaluation: Measurements;
}

/** Runs what is left of the phases, telling of every step, and leaves the trained weights in `model`. */
export async function runLoop(options: LoopOptions): Promise<LoopResult> {
  const { folder, fingerprint, model, phases, resume, output } = options;
  const totalSteps = phases.reduce((sum, phase) => sum + phase.steps, 0);
  const interval = Math.max(1, Math.floor(totalSteps / 10));
  const { evalEvery = interval, checkpointEvery = interval } = options;
  const gradient = new Float64Array(model.parameters.length);
  const random = resume ? randomFrom(resume.random) : options.random;
  let step = resume?.step ?? 0;
  let adam = createAdam(model.parameters.length);
  if (resume) {
    model.parameters.set(resume.parameters);
    adam = { first: resume.first, second: resume.second, updates: resume.updates };
  }
  let last: Measurements = resume?.last ?? {};
  const eta = createEstimate(step, totalSteps);
  const save = async (phase: Phase): Promise<void> => {
    await writeCheckpoint(folder, snapshot(step, phase, adam));
    const path = checkpointPath(folder);
    await output.event({ type: 'checkpoint', step, path, message: `Checkpoint at step ${step}: ${path}` });
  };
  const snapshot = (at: number, phase: Phase, { first, second, updates }: AdamState): Checkpoint => ({
    fingerprint,
    step: at,
    random: random.state(),
    parameters: model.parameters,
    first,
    second,
    updates,
    phaseState: phase.state(),
    last,
  });

  let phaseStart = 0;
  for (const phase of phases) {
    const phaseEnd = phaseStart + phase.steps;
    if (step > phaseStart) {
      if (step <= phaseEnd && resume) phase.restore(resume.phaseState);
    } else {
      phase.begin();
      if (step > 0) adam = createAdam(model.parameters.length);
    }
    while (step < phaseEnd) {
      gradient.fill(0);
      const inPhase = step - phaseStart + 1;
      const learningRate = scheduledRate(phase.learningRate, inPhase, phase.steps);
      last = phase.step(gradient, random);
      const gradientNorm = adamStep(adam, model.parameters, gradient, learningRate);
      step += 1;
      const position = { step, epoch: round(phase.epochsAfter(inPhase)) };
      await output.event({
        type: 'metric',
        phase: phase.name,
        ...position,
        ...last,
        learning_rate: round(learningRate),
        grad_norm: round(gradientNorm),
        progress: Math.floor((step / totalSteps) * 1000) / 10,
        total_steps: totalSteps,
        etaSeconds: eta(step),
      });
      if (step % evalEvery === 0 || step === phaseEnd) {
        await output.event({ type: 'eval', phase: phase.name, ...position, ...phase.evaluate() });
      }
      // Signals are only seen between two turns of the event loop.
      await setImmediate();
      const stopped = options.shouldStop();
      if (stopped || step % checkpointEvery === 0 || step === totalSteps) await save(phase);
      if (stopped) return { stopped, step, totalSteps, last, evaluation: {} };
    }
    phaseStart = phaseEnd;
  }
  return { stopped: false, step, totalSteps, last, evaluation: phases.at(-1)?.evaluate() ?? {} };
}

/** Seconds that are left, from the pace since this process began. */
function createEstimate(firstStep: number, totalSteps: number): (step: number) => number {
  const begun = performance.now();
  return (step) => {
    const pace = (performance.now() - begun) / (step - firstStep) / 1000;
    return Math.round(pace * (totalSteps - step) * 10) / 10;
  };
}

const round = (value: number): number => Number(value.toPrecision(6));
