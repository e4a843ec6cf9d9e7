import { id, type LooseStep } from '../modules/workflows/definitions.ts';
import { openEngine } from './workflow-engine.ts';

const call: LooseStep = {
  ...{ id: id('c'), name: 'c', type: 'webhook' },
  config: { url: 'https://example.com/', method: 'POST' },
};

/**
 * One tenant's runs queue up; then another tenant starts its first.
 *
 * @returns how many steps of the first one began after that before the other's did
 */
export async function countOvertaken({ queued, concurrency }: { queued: number; concurrency: number }) {
  const engine = await openEngine();
  const limits = { maxConcurrentRuns: 2 * queued };
  try {
    const [busy, other] = [await engine.makeTenant(limits), await engine.makeTenant()];
    const begun: string[] = [];
    const full = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const isOver = Promise.withResolvers<void>();
    const work = async (_config: object, { owner }: { owner: { tenantId: string | null } }) => {
      begun.push(owner.tenantId ?? '');
      if (begun.length === concurrency) full.resolve();
      if (owner.tenantId === other.tenantId) isOver.resolve();
      await gate.promise;
      return {};
    };
    const many = await engine.define([call], {}, busy.tenantId);
    const one = await engine.define([call], {}, other.tenantId);
    for (let n = 0; n < queued; n += 1) await engine.start(many, { userId: busy.user });
    await engine.work(work, concurrency);
    await full.promise;
    // Every slot is taken, and the rest is ready and waits.
    await engine.start(one, { userId: other.user });
    gate.resolve();
    await isOver.promise;
    return begun.indexOf(other.tenantId) - concurrency;
  } finally {
    await engine.close();
  }
}
