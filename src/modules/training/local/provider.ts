import type { TrainingProvider } from '../provider.ts';
import { isRunnable, trainerCommand } from './command.ts';
import { type LocalOptions, runLocally } from './run.ts';

/**
 * Trains in a child process on this machine.
 *
 * @param options.runsHere whether this process runs jobs; where it does not, whether the command is there is for the
 * workers to know
 */
export function createLocalProvider(options: LocalOptions & { runsHere: boolean }): TrainingProvider {
  return {
    name: 'local',
    availability() {
      const [program] = trainerCommand(options.config, options.folder);
      if (!options.runsHere || isRunnable(program, options.environment.PATH)) return { available: true };
      return {
        available: false,
        reason:
          'the program of LOCAL_TRAINER is not there: correct the setting, or remove it for the trainer shipped',
      };
    },
    run: (run) => runLocally(run, options),
  };
}
