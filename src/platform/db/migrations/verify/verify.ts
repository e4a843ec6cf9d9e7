import type { Client } from 'pg';
import { withConnection } from '../../connect.ts';
import { tableFacts } from '../facts.ts';
import { type MigrationFiles, readMigrationFiles } from '../files.ts';
import { assessDatabase } from '../migrator.ts';
import { inWords, madeBy, type ObjectName, readObjects } from '../objects.ts';
import type { Check } from './check.ts';
import { checkGrants } from './grants.ts';
import { checkGuideQueries } from './guide-queries.ts';
import { checkTable } from './tables.ts';
import { checkTriggers } from './triggers.ts';

/**
 * Looks at everything the two guides say to verify, for every table, and at what is ours. Reads only: the rows that
 * it writes to see triggers work are rolled back.
 *
 * @throws {StartupError} where the database cannot be reached
 */
export async function verifyMigrations(options: { adminUrl: string; folder?: URL }): Promise<Check[]> {
  const files = await readMigrationFiles(options.folder);
  return withConnection(options.adminUrl, 'runcast verify', async (client) => {
    const checks = [...(await checkFiles(client, files)), ...(await checkGuideQueries(client))];
    for (const facts of tableFacts) checks.push(...(await checkTable(client, facts)));
    return [
      ...checks,
      ...(await checkTriggers(client, {
        hasFeed: makes(files, 'table runcast.execution_streams'),
        hasUsageSums: makes(files, 'table runcast.usage_deltas'),
        hasAccessHints: makes(files, 'function runcast.announce_access'),
      })),
      ...(await checkObjects(client, files)),
      ...(await checkGrants(client)),
    ];
  });
}

function makes({ migrations }: MigrationFiles, object: ObjectName): boolean {
  return migrations.some(({ statements }) => madeBy(statements, 'all').objects.includes(object));
}

/** Guide 2's "no errors in migration logs": what the ledger says of each file. */
async function checkFiles(client: Client, files: MigrationFiles): Promise<Check[]> {
  const assessment = await assessDatabase(client, files);
  const checks = assessment.files.map(({ file, state }) => ({
    ok: state === 'applied',
    what: `migration ${file.file}`,
    detail: state,
  }));
  const unknown = assessment.unknown.map((version) => ({
    ok: false,
    what: `migration ${version}`,
    detail: 'unknown to this version of the program',
  }));
  return [...checks, ...unknown];
}

/** Everything that a file makes is there: also our own tables, functions and triggers. */
async function checkObjects(client: Client, { migrations, repeatables }: MigrationFiles): Promise<Check[]> {
  const objects = await readObjects(client);
  return [...migrations, ...repeatables]
    .map((file) => ({ file: file.file, made: madeBy(file.statements, 'all').objects }))
    .filter(({ made }) => made.length > 0)
    .map(({ file, made }) => {
      const missing = made.filter((object) => !objects.has(object));
      return missing.length === 0
        ? { ok: true, what: `objects of ${file}`, detail: `${made.length}` }
        : { ok: false, what: `objects of ${file}`, detail: `missing: ${inWords(missing)}` };
    });
}
