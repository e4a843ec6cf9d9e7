import type { Config } from '../../platform/config.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Environment } from './local/command.ts';
import { createLocalProvider } from './local/provider.ts';
import type { ProviderName, TrainingProvider } from './provider.ts';

export type Providers = Readonly<Record<ProviderName, TrainingProvider>>;

/**
 * Every provider a run can name.
 *
 * @param options.environment what a trainer's environment is chosen from, and its PATH searched; default: this process's
 * @param options.folder what a relative part of the configured command is relative to; default: the current one
 */
export function createProviders(options: {
  config: Pick<Config, 'dataDir' | 'local' | 'worker'>;
  log: Logger;
  environment?: Environment;
  folder?: string;
}): Providers {
  const { config, log, environment = process.env, folder = process.cwd() } = options;
  return {
    local: createLocalProvider({ config, log, environment, folder, runsHere: config.worker }),
    huggingface: absent('huggingface'),
    openai: absent('openai'),
    colab: absent('colab'),
  };
}

function absent(name: ProviderName): TrainingProvider {
  const reason = `the provider ${name} is not built into this version: use local`;
  return { name, availability: () => ({ available: false, reason }) };
}
