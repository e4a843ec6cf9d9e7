#!/usr/bin/env node
import { type Config, loadConfig } from './platform/config.ts';
import { messageOf, StartupError } from './platform/errors.ts';
import { createLogger } from './platform/logger.ts';

const USAGE = `runcast — starts, watches and steers training runs

  runcast start                     Postgres, migrations, API and worker, until Ctrl-C
  runcast token --user <user>       a bearer token for development; see token --help
  runcast migrate <command>         apply, status, verify or down; see migrate --help

Settings come from the environment: see .env.example.`;

process.exitCode = await main(process.argv.slice(2));
// Whatever a library left open must not keep a finished command alive.
process.exit();

async function main([command, ...args]: string[]): Promise<number> {
  if (command === undefined || command === 'help' || command === '--help') {
    print(USAGE);
    return command === undefined ? 2 : 0;
  }
  try {
    const config = loadConfig(process.env, process.cwd());
    return await run(command, args, config);
  } catch (error) {
    return report(error);
  }
}

/** Commands are loaded when they are asked for: a token is printed without loading the API. */
async function run(command: string, args: string[], config: Config): Promise<number> {
  const log = createLogger(config.logLevel);
  process.once('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception');
    process.exit(1);
  });
  switch (command) {
    case 'start': {
      const { startCommand } = await import('./cli/start.ts');
      return startCommand({ signal: interruption(), output: process.stdout }, config, log);
    }
    case 'token': {
      const { tokenCommand } = await import('./cli/token.ts');
      const { findUserByEmail } = await import('./app/find-user.ts');
      return tokenCommand(args, {
        config,
        print,
        findUserByEmail: (email) => findUserByEmail(config, email),
      });
    }
    case 'migrate': {
      const { migrateCommand } = await import('./cli/migrate.ts');
      const { withDatabase } = await import('./app/database.ts');
      const { afterFiles } = await import('./app/jobs.ts');
      const configured = { api: config.apiDatabaseUrl, worker: config.workerDatabaseUrl };
      return migrateCommand(args, {
        withDatabase: (work) => withDatabase(config, work),
        configured,
        afterFiles,
        print,
      });
    }
    default:
      throw new StartupError(`There is no command ${command}: see runcast --help.`, { exitCode: 2 });
  }
}

function report(error: unknown): number {
  if (error instanceof StartupError) {
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  process.stderr.write(`Runcast failed: ${error instanceof Error ? error.stack : messageOf(error)}\n`);
  return 1;
}

/** A first SIGINT or SIGTERM asks to wind down; a second one ends the process where it stands. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  const interrupt = (signal: string) => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Error(`stopped by ${signal}`));
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  return controller.signal;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
