import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A new folder that a Postgres can live in: run by root, that is another account's, which has to pass through. Where
 * it cannot, the cluster goes below /var/lib and outlives the test.
 */
export async function temporaryFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `runcast-${name}-`));
  await chmod(folder, 0o755);
  return folder;
}
