import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { trainerCommand } from '../../../src/modules/training/local/command.ts';
import { createProviders } from '../../../src/modules/training/providers.ts';
import { captureLog } from '../../support/log.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

function providersWith(command: string[] | undefined, worker = true) {
  const local = { maxRuns: 1, runTimeoutMs: 1000, ...(command && { command }) };
  return createProviders({
    config: { dataDir: here, worker, local },
    log: captureLog().log,
    environment: { PATH: ['/nowhere', '/bin'].join(delimiter) },
    folder: here,
  });
}

it('offers local runs where the trainer’s program is there', () => {
  expect(providersWith(undefined).local.availability()).toEqual({ available: true });
  expect(providersWith(['sh', 'train.sh']).local.availability()).toEqual({ available: true });
  expect(providersWith(['/bin/sh']).local.availability()).toEqual({ available: true });
  for (const command of [['no-such-program'], ['/bin/no-such-program'], ['/bin']]) {
    expect(providersWith(command).local.availability()).toMatchObject({ available: false });
  }
});

it('leaves it to the workers where this process runs no jobs', () => {
  expect(providersWith(['no-such-program'], false).local.availability()).toEqual({ available: true });
});

it.each(['huggingface', 'openai', 'colab'] as const)('says why %s cannot be used', (name) => {
  expect(providersWith(undefined)[name].availability()).toEqual({
    available: false,
    reason: expect.stringContaining(name),
  });
});

it('makes files in the configured command absolute, since the trainer runs in its run folder', () => {
  const config = {
    local: { command: ['python3', 'providers.test.ts', '--fast'], maxRuns: 1, runTimeoutMs: 1 },
  };
  expect(trainerCommand(config, here)).toEqual(['python3', `${here}providers.test.ts`, '--fast']);
});
