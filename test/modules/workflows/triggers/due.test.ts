import { describe, expect, it } from 'vitest';
import { GRACE_MS, nextDue, turnOf } from '../../../../src/modules/workflows/triggers/due.ts';

const berlin = (cron: string) => ({ cron, timezone: 'Europe/Berlin', seed: 'a workflow' });

/** The times after a moment, each worked out from the one before, as workers do. */
function times(schedule: Parameters<typeof nextDue>[0], after: string, count: number): string[] {
  let last = new Date(after);
  return Array.from({ length: count }, () => {
    last = nextDue(schedule, last);
    return last.toISOString();
  });
}

describe('the hour that is missing in Berlin on 29 March 2026', () => {
  it('moves what is due within it an hour on, once', () => {
    expect(times(berlin('30 2 * * *'), '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:30:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
  });

  it('leaves what is due after it where the clock says', () => {
    expect(times(berlin('0 3 * * *'), '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T01:00:00.000Z',
    ]);
  });

  it('does not make twice due what is due every half hour', () => {
    expect(times(berlin('*/30 * * * *'), '2026-03-29T00:10:00Z', 4)).toEqual([
      '2026-03-29T00:30:00.000Z',
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T01:30:00.000Z',
      '2026-03-29T02:00:00.000Z',
    ]);
  });
});

describe('the hour that there is twice in Berlin on 25 October 2026', () => {
  it('counts once for what is due once a day', () => {
    expect(times(berlin('30 2 * * *'), '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  it('counts twice for what is due every hour', () => {
    expect(times(berlin('0 * * * *'), '2026-10-24T23:30:00Z', 4)).toEqual([
      '2026-10-25T00:00:00.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T02:00:00.000Z',
      '2026-10-25T03:00:00.000Z',
    ]);
  });
});

it('reads an H the same way each time, and another for another workflow', () => {
  const schedule = { cron: 'H H * * *', timezone: 'UTC' };
  const [first, second] = times({ ...schedule, seed: 'one' }, '2026-01-01T00:00:00Z', 2);
  expect(Date.parse(second ?? '') - Date.parse(first ?? '')).toBe(24 * 60 * 60 * 1_000);
  const others = ['two', 'three', 'four'].map(
    (seed) => times({ ...schedule, seed }, '2026-01-01T00:00:00Z', 1)[0],
  );
  expect(new Set([first, ...others]).size).toBeGreaterThan(1);
});

describe('a time that has come', () => {
  const hourly = (missed: 'skip' | 'one') => ({ ...berlin('0 * * * *'), missed });
  const due = new Date('2026-05-01T10:00:00Z');
  const after = (ms: number) => new Date(due.getTime() + ms);

  it.each(['skip', 'one'] as const)('starts a run up to a minute later (%s)', (missed) => {
    expect(turnOf(hourly(missed), due, after(GRACE_MS))).toEqual({
      starts: true,
      next: new Date('2026-05-01T11:00:00Z'),
    });
  });

  it('starts none after that, and goes on with what is not late yet', () => {
    expect(turnOf(hourly('skip'), due, new Date('2026-05-01T13:00:30Z'))).toEqual({
      starts: false,
      next: new Date('2026-05-01T13:00:00Z'),
    });
  });

  it('starts one for all that were missed, if that is wanted', () => {
    expect(turnOf(hourly('one'), due, new Date('2026-05-01T13:00:30Z'))).toEqual({
      starts: true,
      next: new Date('2026-05-01T14:00:00Z'),
    });
  });
});
