import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../../platform/config.ts';

const SHIPPED_TRAINER = fileURLToPath(new URL('../trainer/main.ts', import.meta.url));

export type Environment = Record<string, string | undefined>;

/**
 * The trainer's program and first arguments: as configured, or the trainer we ship, on the Node that runs us. It is run
 * in its run folder, so parts that name a file as seen from `folder` become absolute.
 */
export function trainerCommand(config: Pick<Config, 'local'>, folder: string): [string, ...string[]] {
  const [program, ...args] = config.local.command ?? [process.execPath, SHIPPED_TRAINER, 'train'];
  if (program === undefined) throw new Error('the configured command is empty');
  const fromHere = (part: string): string => {
    const path = resolve(folder, part);
    return !part.startsWith('-') && existsSync(path) && statSync(path).isFile() ? path : part;
  };
  return [program.includes('/') ? fromHere(program) : program, ...args.map(fromHere)];
}

/** Whether the program can be run: a path of its own, or found on the PATH. */
export function isRunnable(program: string, searchPath = ''): boolean {
  const places = program.includes('/')
    ? [program]
    : searchPath.split(delimiter).flatMap((folder) => (isAbsolute(folder) ? [join(folder, program)] : []));
  return places.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}

/**
 * What of our environment a trainer gets to see: what programs, accelerators and model hubs need, and nothing that is
 * ours: connection strings and secrets stay here. Names end in * where all with that beginning are meant.
 */
export const PASSED_ON = [
  ...[
    'PATH',
    'HOME',
    'USER',
    'LOGNAME',
    'SHELL',
    'TMPDIR',
    'TZ',
    'LANG',
    'LANGUAGE',
    'LC_*',
    'XDG_CACHE_HOME',
  ],
  ...['LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'PYTHONPATH', 'VIRTUAL_ENV', 'CONDA_*', 'UV_*'],
  ...['CUDA_*', 'NVIDIA_*', 'NCCL_*', 'HIP_*', 'ROCR_*', 'ROCM_*', 'OMP_*', 'MKL_*', 'OPENBLAS_*'],
  ...[
    'HF_*',
    'HUGGINGFACE_*',
    'TRANSFORMERS_*',
    'TOKENIZERS_*',
    'TORCH_*',
    'TORCHINDUCTOR_*',
    'PYTORCH_*',
    'TRITON_*',
  ],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'],
  ...['http_proxy', 'https_proxy', 'no_proxy'],
] as const;

/** The environment of one run's trainer. */
export function trainerEnvironment(
  own: Environment,
  run: { executionId: string; folder: string },
): Record<string, string> {
  const passed = Object.entries(own).filter(([name]) =>
    PASSED_ON.some((allowed) =>
      allowed.endsWith('*') ? name.startsWith(allowed.slice(0, -1)) : name === allowed,
    ),
  );
  return {
    ...Object.fromEntries(passed.map(([name, value]) => [name, value ?? ''])),
    // Python would keep its lines back until it has 8 KiB of them: stdout is a pipe here.
    PYTHONUNBUFFERED: '1',
    RUNCAST_RUN_DIR: run.folder,
    RUNCAST_EXECUTION_ID: run.executionId,
  };
}
