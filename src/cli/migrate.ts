import { withConnection } from '../platform/db/connect.ts';
import { readMigrationFiles } from '../platform/db/migrations/files.ts';
import { type ApplyOptions, applyMigrations, assessDatabase } from '../platform/db/migrations/migrator.ts';
import { revertMigration } from '../platform/db/migrations/revert.ts';
import { verifyMigrations } from '../platform/db/migrations/verify/verify.ts';
import { checkServer } from '../platform/db/preflight.ts';

const HELP = `runcast migrate <command>

  apply            bring the database to the newest schema
  status           list the migrations and what each is to this database
  verify           check tables, columns, policies, indexes, keys, triggers and grants; exit 1 on any fault
  down <version>   take one migration down, from migrations-sql/rollback/
                   --yes  also where that drops tables with rows

The database is the one that DATABASE_URL (or SUPABASE_DB_URL) names, as its administrator.`;

export type MigrateOptions = Pick<ApplyOptions, 'configured' | 'afterFiles' | 'folder'> & {
  /** Opens the database that is meant, for as long as `work` takes; not called for the help. */
  withDatabase: (work: (adminUrl: string) => Promise<number>) => Promise<number>;
  /** Where lines go. */
  print: (line: string) => void;
};

type Opened = MigrateOptions & { adminUrl: string };

/**
 * `runcast migrate …`.
 *
 * @param args what follows `migrate` on the command line
 * @returns the exit code: 0, 1 where verify found a fault, 2 where the command line is wrong
 * @throws {StartupError} where the database cannot or must not be migrated
 */
export async function migrateCommand(args: string[], options: MigrateOptions): Promise<number> {
  const [command, ...rest] = args;
  const usage = (code: number) => {
    options.print(HELP);
    return code;
  };
  const run = (work: (options: Opened) => Promise<number>) =>
    options.withDatabase((adminUrl) => work({ ...options, adminUrl }));
  // The migrators' lock is a session's: behind a transaction pooler it would hold nobody off, and never be let go.
  const runWriting = (work: (options: Opened) => Promise<number>) =>
    run(async (opened) => {
      await checkServer(opened.adminUrl);
      return work(opened);
    });
  if (command === undefined || command === 'help' || args.includes('--help') || args.includes('-h')) {
    return usage(command === undefined ? 2 : 0);
  }
  switch (command) {
    case 'apply':
      return rest.length > 0 ? usage(2) : runWriting(apply);
    case 'status':
      return rest.length > 0 ? usage(2) : run(status);
    case 'verify':
      return rest.length > 0 ? usage(2) : run(verify);
    case 'down':
      return revertible(rest) ? runWriting((opened) => down(rest, opened)) : usage(2);
    default:
      return usage(2);
  }
}

async function apply(options: Opened): Promise<number> {
  const { applied, adopted } = await applyMigrations({ ...options, log: options.print });
  const done = applied.length + adopted.length;
  options.print(
    done === 0
      ? 'The database is up to date.'
      : `The database is up to date: ${applied.length} applied, ${adopted.length} adopted.`,
  );
  return 0;
}

async function status(options: Opened): Promise<number> {
  const files = await readMigrationFiles(options.folder);
  const assessment = await withConnection(options.adminUrl, 'runcast migrate', (client) =>
    assessDatabase(client, files),
  );
  const width = Math.max(...assessment.files.map(({ file }) => file.file.length));
  for (const { file, state } of assessment.files) {
    options.print(`${file.file.padEnd(width)}  ${MEANING[state]}`);
  }
  for (const version of assessment.unknown) options.print(`${version.padEnd(width)}  of a newer program`);
  return 0;
}

const MEANING = {
  applied: 'applied',
  changed: 'applied, and changed since',
  gone: 'applied, but its tables are gone; apply will run it again',
  adoptable: 'applied by psql or the Supabase CLI; apply will adopt it',
  partial: 'applied in part; apply will say what is missing',
  pending: 'pending',
};

async function verify(options: Opened): Promise<number> {
  const checks = await verifyMigrations(options);
  for (const { ok, what, detail } of checks) {
    options.print(`${ok ? 'pass' : 'FAIL'}  ${what}${detail ? `: ${detail}` : ''}`);
  }
  const faults = checks.filter(({ ok }) => !ok).length;
  options.print(
    faults === 0 ? `All ${checks.length} checks pass.` : `${faults} of ${checks.length} checks FAIL.`,
  );
  return faults === 0 ? 0 : 1;
}

/** One migration, and nothing else but --yes. */
function revertible(args: string[]): boolean {
  const names = args.filter((argument) => argument !== '--yes');
  return names.length === 1 && names.every((name) => !name.startsWith('-'));
}

async function down(args: string[], options: Opened): Promise<number> {
  const migration = args.find((argument) => argument !== '--yes') ?? '';
  const dropsRows = args.includes('--yes');
  await revertMigration({ ...options, migration, dropsRows, log: options.print });
  return 0;
}
