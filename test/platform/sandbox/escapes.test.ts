import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SandboxError } from '../../../src/platform/sandbox/errors.ts';
import { createSandbox, type Trip } from '../../../src/platform/sandbox/sandbox.ts';
import { escapes, hostileInput } from './escapes.ts';

/** The time limit, and what the end of a process may take on top. */
const LONGEST_MS = 250;

const trips: Trip[] = [];
const sandbox = createSandbox({ processes: 1, onTrip: (trip) => void trips.push(trip) });
const scope = { input: hostileInput };

const evaluate = async (source: string, options = {}) =>
  (await sandbox.evaluate([{ source }], scope, options))[0];

/** What the library and the language still do, for whoever comes next. */
const CANARY = `{
  "sum": $sum([1, 2]), "polluted": ($made := {"a": 1}; $exists($made.polluted)),
  "clone": $clone({"a": 1}), "matched": $match("ab", /b/).index, "text": $string({"a": 1})
}`;
const untouched = { sum: 3, polluted: false, clone: { a: 1 }, matched: 1, text: '{"a":1}' };

describe('what tries to get out of the sandbox', () => {
  beforeAll(() => evaluate('1'));
  beforeEach(() => void trips.splice(0));
  afterAll(() => sandbox.close());

  it('is tried in at least 50 ways', () => expect(escapes.length).toBeGreaterThanOrEqual(50));

  it.each(escapes)('does not by %s', async (_what, source, outcome) => {
    // How late timers are on this machine: what ends a process is one.
    const lateness = monitorEventLoopDelay({ resolution: 5 });
    lateness.enable();
    const result = await evaluate(source).then(
      (value) => ({ value }),
      (failure: unknown) => failure,
    );
    lateness.disable();
    if ('value' in outcome) expect(result).toEqual(outcome);
    else {
      expect(result).toBeInstanceOf(SandboxError);
      expect(outcome).toContain((result as SandboxError).code);
    }
    expect(trips).toHaveLength(1);
    expect(trips[0]?.evaluationMs).toBeLessThanOrEqual(LONGEST_MS + lateness.max / 1e6);
    expect(await evaluate(CANARY, { timeoutMs: 10_000 })).toEqual(untouched);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});
