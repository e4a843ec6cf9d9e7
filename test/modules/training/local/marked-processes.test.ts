import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { killLeftovers } from '../../../../src/modules/training/local/guarded-trainer.ts';
import {
  findMarked,
  findWithPs,
  killMarked,
  RUN_MARKER,
} from '../../../../src/modules/training/local/marked-processes.ts';

/** A process that ignores SIGTERM, in a session of its own, and has a child that does the same. */
async function startMarked(executionId: string) {
  const forever = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6); ";
  const parent = `${forever} require('node:child_process')
    .spawn(process.execPath, ['-e', ${JSON.stringify(`${forever} console.log('up')`)}], { detached: true, stdio: 'inherit' })`;
  const child = spawn(process.execPath, ['-e', parent], {
    detached: true,
    env: { ...process.env, [RUN_MARKER]: executionId },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return { child, gone: once(child, 'exit') };
}

it('finds and kills what carries a run’s mark, descendants in other groups included, and nothing else', async () => {
  const id = `exec_${randomUUID()}`;
  const { gone } = await startMarked(id);
  const other = await startMarked(`${id}0`);
  expect(await findMarked(RUN_MARKER, id)).toHaveLength(2);
  expect((await findWithPs(RUN_MARKER, id)).toSorted()).toEqual(
    (await findMarked(RUN_MARKER, id)).toSorted(),
  );
  expect(await killLeftovers(id)).toBe(true);
  expect(await gone).toEqual([null, 'SIGKILL']);
  expect(await findMarked(RUN_MARKER, id)).toEqual([]);
  expect(await killLeftovers(id)).toBe(false);
  expect(await findMarked(RUN_MARKER, `${id}0`)).toHaveLength(2);
  expect(await killMarked(RUN_MARKER, `${id}0`)).toBe(true);
  expect(await other.gone).toEqual([null, 'SIGKILL']);
});
