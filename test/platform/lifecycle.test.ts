import { describe, expect, it } from 'vitest';
import { createLifecycle } from '../../src/platform/lifecycle.ts';
import { createLogger } from '../../src/platform/logger.ts';

const log = createLogger('silent');

describe('stopping', () => {
  it('runs in the reverse order of starting, one after the other', async () => {
    const order: string[] = [];
    const lifecycle = createLifecycle(log, 1000);
    lifecycle.onStop('database', () => order.push('database'));
    lifecycle.onStop('worker', async () => {
      await Promise.resolve();
      order.push('worker');
    });
    lifecycle.onStop('server', () => order.push('server'));
    expect(await lifecycle.stop()).toEqual([]);
    expect(order).toEqual(['server', 'worker', 'database']);
  });

  it('takes what is registered together at the same time, in the turn of the first of them', async () => {
    const order: string[] = [];
    const lifecycle = createLifecycle(log, 1000);
    lifecycle.onStop('database', () => order.push('database'));
    const both = lifecycle.together();
    lifecycle.onStop('port', () => order.push('port'));
    const { promise: apiHasBegun, resolve: begin } = Promise.withResolvers<void>();
    both.onStop('worker', async () => {
      await apiHasBegun;
      order.push('worker');
    });
    both.onStop('api', () => {
      begin();
      throw new Error('stuck');
    });
    const failures = await lifecycle.stop();
    expect(failures.map(({ message }) => message)).toEqual(['api did not stop: stuck']);
    expect(order).toEqual(['port', 'worker', 'database']);
  });

  it('goes on after a failure and reports every one', async () => {
    const order: string[] = [];
    const lifecycle = createLifecycle(log, 1000);
    lifecycle.onStop('first', () => order.push('first'));
    lifecycle.onStop('second', () => {
      throw new Error('disk on fire');
    });
    const failures = await lifecycle.stop();
    expect(failures.map((failure) => failure.message)).toEqual(['second did not stop: disk on fire']);
    expect(order).toEqual(['first']);
  });

  it('is bounded in time: what hangs is reported and the rest is stopped', async () => {
    const order: string[] = [];
    const lifecycle = createLifecycle(log, 20);
    lifecycle.onStop('last', () => order.push('last'));
    lifecycle.onStop('hanging', () => new Promise(() => {}));
    const [failure] = await lifecycle.stop();
    expect(failure?.message).toBe('hanging did not stop: still busy after 20 ms');
    expect(order).toEqual(['last']);
  });

  it('happens once, whoever asks', async () => {
    let stops = 0;
    const lifecycle = createLifecycle(log, 1000);
    lifecycle.onStop('server', () => {
      stops += 1;
    });
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    expect(stops).toBe(1);
  });
});
