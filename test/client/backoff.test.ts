import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createGate, waitAfter } from '../../src/client/backoff.ts';
import { waitAfterClose } from '../../src/client/close-codes.ts';
import { range } from '../support/client.ts';

const retry = { firstMs: 100, longestMs: 10_000, random: () => 0.5 };

describe('the wait before another attempt', () => {
  it('is chance below a bound that doubles up to the longest', () => {
    const bounds = range(1, 9).map((failures) => waitAfter(failures, { ...retry, random: () => 1 }));
    expect(bounds).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
    expect(waitAfter(5_000, { ...retry, random: () => 1 })).toBe(10_000);
    expect(waitAfter(3, { ...retry, random: () => 0 })).toBe(0);
    expect(waitAfter(3, retry)).toBe(200);
  });
});

describe('the gate of a client', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const never = new AbortController().signal;
  /** How long whoever comes now has to wait, in milliseconds. */
  async function waitAt(gate: ReturnType<typeof createGate>): Promise<number> {
    const began = performance.now();
    const passed = gate.pass(never).then(() => performance.now() - began);
    await vi.advanceTimersByTimeAsync(60_000);
    return passed;
  }

  it('is open at first, and shut for longer with each failure', async () => {
    const gate = createGate(retry);
    const waits = [await waitAt(gate)];
    for (const _ of range(1, 9)) {
      gate.failed();
      waits.push(await waitAt(gate));
    }
    expect(waits).toEqual([0, 50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  it('begins anew after a success', async () => {
    const gate = createGate(retry);
    for (const _ of range(1, 5)) {
      gate.failed();
      await waitAt(gate);
    }
    gate.succeeded();
    gate.failed();
    expect(await waitAt(gate)).toBe(50);
  });

  it('takes the failures of one breakdown for one', async () => {
    const gate = createGate(retry);
    for (const _ of range(1, 20)) gate.failed();
    expect(await waitAt(gate)).toBe(50);
    gate.failed();
    expect(await waitAt(gate)).toBe(100);
  });

  it('stays shut as long as a server asks for, and spreads those that one closed', async () => {
    const gate = createGate(retry);
    gate.failed({ atLeastMs: 3_000 });
    expect(await waitAt(gate)).toBe(3_050);
    gate.failed(waitAfterClose(1001));
    expect(await waitAt(gate)).toBe(500);
    gate.failed(waitAfterClose(4290));
    expect(await waitAt(gate)).toBe(6_000);
    expect(waitAfterClose(1006)).toEqual({});
  });

  it('holds nobody who no longer wants to pass', async () => {
    const gate = createGate(retry);
    gate.failed({ atLeastMs: 30_000 });
    const leaving = new AbortController();
    const passed = gate.pass(leaving.signal);
    leaving.abort();
    await passed;
    expect(vi.getTimerCount()).toBe(0);
  });
});
