import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHintPublisher, type HintPublisher } from '../../../src/platform/live/hint-publisher.ts';
import { type CapturedLog, captureLog } from '../../support/log.ts';
import { openApiScene } from '../../support/outages/api-scene.ts';
import { hasRedis, type RedisServer, startRedis } from '../../support/redis-server.ts';

/** By the slow poll alone each round would take up to 2 s. */
const ROUNDS = 20;
const HINTED_MS = 10_000;

describe.runIf(hasRedis)('an API whose writers send their hints over Redis', () => {
  let redis: RedisServer;
  let publisher: HintPublisher;
  let sent: CapturedLog;
  beforeAll(async () => {
    redis = await startRedis();
    sent = captureLog();
    publisher = createHintPublisher({ url: redis.url, log: sent.log });
    await publisher.started;
  });
  afterAll(async () => {
    await publisher.close();
    await redis.kill();
  });

  const open = () =>
    openApiScene({
      writers: 2,
      redisUrl: redis.url,
      sendHint: (hint) => publisher.publish(hint),
    });

  it('delivers as it is hinted at, not as the slow poll finds it', async () => {
    await using scene = await open();
    await scene.caughtUp();
    const begun = performance.now();
    for (let round = 0; round < ROUNDS; round += 1) await scene.caughtUp();
    expect(performance.now() - begun).toBeLessThan(HINTED_MS);
    const { acknowledged, ...wrong } = await scene.finish();
    expect(wrong).toEqual({ failed: 0, lost: [], faults: [] });
    expect(publisher.dropped).toBe(0);
  });

  it('delivers everything while Redis is gone, and as it is hinted at again once it is back', async () => {
    await using scene = await open();
    await scene.caughtUp();
    await redis.kill();
    for (const _poll of ['one', 'another']) await scene.caughtUp();
    expect(publisher.dropped).toBeGreaterThan(0);
    await redis.start();
    await Promise.all(
      [scene.log, sent].map((log) =>
        log.until(({ msg, connection }) => msg === 'connected again' && /Redis/.test(String(connection))),
      ),
    );
    const begun = performance.now();
    for (let round = 0; round < ROUNDS; round += 1) await scene.caughtUp();
    expect(performance.now() - begun).toBeLessThan(HINTED_MS);
    const { acknowledged, ...wrong } = await scene.finish();
    expect(wrong).toEqual({ failed: 0, lost: [], faults: [] });
  });
});
