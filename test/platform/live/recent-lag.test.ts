import { expect, it } from 'vitest';
import { RecentLag } from '../../../src/platform/live/recent-lag.ts';

const MINUTE = 60_000;

function clocked() {
  const clock = { ms: 0 };
  return { clock, lag: new RecentLag(() => clock.ms) };
}

it('has percentiles within a hundredth, and none of nothing', () => {
  const { lag } = clocked();
  expect(lag.percentiles([50, 99])).toEqual([undefined, undefined]);
  for (let ms = 1; ms <= 1_000; ms += 1) lag.record(ms);
  const [half, most] = lag.percentiles([50, 99]);
  expect(half).toBeGreaterThan(495);
  expect(half).toBeLessThan(505);
  expect(most).toBeGreaterThan(980);
  expect(most).toBeLessThan(1_000);
});

it('forgets what is older than two minutes, and nothing of the last one', () => {
  const { clock, lag } = clocked();
  lag.record(1_000);
  clock.ms = 1.5 * MINUTE;
  lag.record(10);
  expect(lag.percentiles([99])[0]).toBeCloseTo(1_000, -1);
  clock.ms = 2.5 * MINUTE;
  expect(lag.percentiles([99])[0]).toBeCloseTo(10, 0);
  clock.ms = 3.5 * MINUTE;
  expect(lag.percentiles([99])).toEqual([undefined]);
});

it('shows nothing of before a long silence', () => {
  const { clock, lag } = clocked();
  lag.record(1_000);
  clock.ms = 60 * MINUTE;
  lag.record(10);
  expect(lag.percentiles([99])[0]).toBeCloseTo(10, 0);
});

it('counts all there ever was, an outage and a clock that is ahead included', () => {
  const { clock, lag } = clocked();
  lag.record(-5);
  lag.record(120 * MINUTE);
  expect({ count: lag.count, sumMs: lag.sumMs }).toEqual({ count: 2, sumMs: 120 * MINUTE });
  const [fast, slow] = lag.percentiles([50, 100]);
  expect(fast).toBeLessThan(0.01);
  expect(slow).toBeGreaterThan(59 * MINUTE);
  clock.ms = 10 * MINUTE;
  lag.record(1);
  expect(lag.count).toBe(3);
});
