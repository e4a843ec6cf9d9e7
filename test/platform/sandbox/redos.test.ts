import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SANDBOX_CODES, SandboxError } from '../../../src/platform/sandbox/errors.ts';
import { createSandbox, type Trip } from '../../../src/platform/sandbox/sandbox.ts';
import { longestTurn } from '../../support/event-loop.ts';
import { backtracking } from './backtracking.ts';

const MATCH_MS = 100;
/** Such that ending what exceeds it is within the bound as well, on a busy machine. */
const TIME_LIMIT_MS = 50;
const BLOCKED_MS = 50;

const trips: Trip[] = [];
const sandbox = createSandbox({ processes: 1, onTrip: (trip) => void trips.push(trip) });

const ended = (failure: unknown) => {
  expect(failure).toBeInstanceOf(SandboxError);
};

/** Done in time, or failed cleanly. */
function expectInTime(): void {
  expect(trips.length).toBeGreaterThan(0);
  for (const { outcome, evaluationMs } of trips) {
    if (outcome === 'done') expect(evaluationMs).toBeLessThanOrEqual(MATCH_MS);
    else expect(Object.keys(SANDBOX_CODES)).toContain(outcome);
  }
}

describe('patterns that backtrack without end elsewhere', () => {
  beforeAll(() => sandbox.matches('a', ['a']));
  afterAll(() => sandbox.close());

  it('are at least 20', () => expect(backtracking.length).toBeGreaterThanOrEqual(20));

  it.each(backtracking)('%s is matched or refused in time', async (pattern, text) => {
    trips.splice(0);
    const options = { timeoutMs: TIME_LIMIT_MS };
    const blocked = await longestTurn(() => sandbox.matches(pattern, [text], options).catch(ended));
    expectInTime();
    expect(blocked).toBeLessThan(BLOCKED_MS);
  });

  it.each(backtracking)('%s is no danger within an expression', async (pattern, text) => {
    trips.splice(0);
    const source = `$contains(input, /${pattern.replaceAll('/', '\\/')}/)`;
    const options = { timeoutMs: TIME_LIMIT_MS };
    await sandbox.evaluate([{ source }], { input: text }, options).catch(ended);
    expectInTime();
  });

  it.each(backtracking)('%s is no danger within a JSON schema', async (pattern, text) => {
    trips.splice(0);
    const options = { timeoutMs: TIME_LIMIT_MS };
    await sandbox.validateJson({ pattern }, text, options).catch(ended);
    expectInTime();
  });
});
