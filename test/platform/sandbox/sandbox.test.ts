import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { SandboxError } from '../../../src/platform/sandbox/errors.ts';
import { createSandbox, type Trip } from '../../../src/platform/sandbox/sandbox.ts';
import { longestTurn } from '../../support/event-loop.ts';

const trips: Trip[] = [];
const program = (body: string) =>
  new URL(`data:text/javascript,${encodeURIComponent(`export default ${body}`)}`);
const sandbox = createSandbox({
  onTrip: (trip) => void trips.push(trip),
  programs: {
    sum: program('(input, values) => ({ sum: input.a + values[0], list: [1, 2] })'),
    endless: program('() => { for (;;); }'),
    broken: program('() => { null.x }'),
    reaching: program(`async () => {
      const tried = {};
      const tryTo = async (name, what) => { try { tried[name] = String(await what()); } catch (e) { tried[name] = e.code ?? e.name; } };
      await tryTo('read', async () => (await import('node:fs')).readFileSync('/etc/passwd'));
      await tryTo('write', async () => (await import('node:fs')).writeFileSync('/tmp/out', ''));
      await tryTo('run', async () => (await import('node:child_process')).execFileSync('id'));
      await tryTo('fetch', async () => fetch('http://127.0.0.1/'));
      await tryTo('env', async () => Object.keys(process.env).length);
      await tryTo('send', async () => process.send({}));
      await tryTo('freeze', async () => { 'use strict'; Array.prototype.polluted = 1; });
      await tryTo('proto', async () => Object.hasOwn(Object.prototype, '__proto__'));
      return tried;
    }`),
  },
});
afterAll(() => sandbox.close());

const evaluate = (source: string, scope: unknown = {}, options = {}) =>
  sandbox.evaluate([{ source }], scope, options).then(([value]) => value);
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (failure: unknown) => failure,
  );

describe('expressions', () => {
  it('are evaluated over a scope, all in one trip', async () => {
    trips.splice(0);
    const tasks = [{ source: 'input.a + 1' }, { source: 'input.list[v > 1].v' }, { source: 'input.none' }];
    expect(await sandbox.evaluate(tasks, { input: { a: 1, list: [{ v: 1 }, { v: 2 }, { v: 3 }] } })).toEqual([
      2,
      [2, 3],
      null,
    ]);
    expect(trips).toMatchObject([{ kind: 'evaluate', outcome: 'done' }]);
  });

  it('may call functions that are given by name, and those each other', async () => {
    const bindings = { net: 'function($x) { $round($x / $rate, 2) }', rate: '1.19' };
    expect(await sandbox.evaluate([{ source: '$net(input)', bindings }], { input: 119 })).toEqual([100]);
    const even = {
      even: 'function($n) { $n = 0 ? true : $odd($n - 1) }',
      odd: 'function($n) { $n = 0 ? false : $even($n - 1) }',
    };
    expect(await sandbox.evaluate([{ source: '$even(7)', bindings: even }], {})).toEqual([false]);
  });

  it.each([
    ['no name', { 'x := 1; $y': '1' }],
    ['no expression', { x: '1) ; (2' }],
    ['a comment that is not closed', { x: '1 /* ' }],
  ])('refuse a function that is %s', async (_what, bindings) => {
    const failure = await failureOf(sandbox.evaluate([{ source: '1', bindings }], {}));
    expect(failure).toMatchObject({ code: 'EXPRESSION_INVALID', task: 0 });
  });

  it('say which task failed, and why', async () => {
    const failure = await failureOf(sandbox.evaluate([{ source: '1' }, { source: '1 + "a"' }], {}));
    expect(failure).toBeInstanceOf(SandboxError);
    expect(failure).toMatchObject({ code: 'EXPRESSION_FAILED', task: 1 });
    expect((failure as Error).message).toMatch(/right side of the "\+" operator/);
    expect(await failureOf(evaluate('1 +'))).toMatchObject({ code: 'EXPRESSION_INVALID', task: 0 });
  });

  it('give plain JSON: no sequences, no numbers that are none, no text that cannot be stored', async () => {
    const list = (await evaluate('$.a', { a: [1, 2] })) as object;
    expect(Object.getOwnPropertyNames(list)).toEqual(['0', '1', 'length']);
    expect(await failureOf(evaluate('1 / 0'))).toMatchObject({ code: 'EXPRESSION_FAILED' });
    expect(await failureOf(evaluate('"\\u0000"'))).toMatchObject({ code: 'EXPRESSION_FAILED' });
  });

  it('read scopes of any keys, but for those by which the language knows prototypes', async () => {
    const scope = JSON.parse('{"__proto__": {"x": 1}, "toString": 5, "a": {"__proto__": 2, "b": 3}}');
    expect(await evaluate('$', scope)).toEqual({ toString: 5, a: { b: 3 } });
  });

  it('match patterns in linear time, with groups, flags and replacements', async () => {
    expect(await evaluate('$match("2026-01-02", /(\\d+)-(\\d+)/).groups')).toEqual(['2026', '01']);
    expect(await evaluate('$replace("A-b-C", /[a-c]/i, function($m) { $lowercase($m.match) & "!" })')).toBe(
      'a!-b!-c!',
    );
    expect(await evaluate('$split("a1b22c", /\\d+/)')).toEqual(['a', 'b', 'c']);
    expect(await evaluate('$contains("x\\ny", /^y$/m)')).toBe(true);
  });
});

describe('limits', () => {
  it('hold in the size of what is read and of what is made', async () => {
    const large = { input: Array.from({ length: 90 }, () => 'x'.repeat(100_000)) };
    expect(await failureOf(evaluate('1', large))).toMatchObject({ code: 'SIZE_LIMIT' });
    const tasks = Array.from({ length: 50 }, () => ({ source: '$pad("", 100000, "x")' }));
    expect(await failureOf(sandbox.evaluate(tasks, {}, { timeoutMs: 5_000 }))).toMatchObject({
      code: 'SIZE_LIMIT',
      task: 39,
    });
    const texts = ['x'.repeat(8_000_001)];
    expect(await failureOf(sandbox.matches('x', texts))).toMatchObject({ code: 'SIZE_LIMIT' });
  });

  it('do not hold up the event loop with a scope and a result of some megabytes', async () => {
    const record = (index: number) => ({ number: `INV-${index}`, amount: index, name: `Customer ${index}` });
    const scope = { input: Array.from({ length: 50_000 }, (_, index) => record(index)) };
    await evaluate('1');
    const turn = await longestTurn(async () => {
      expect(await evaluate('input', scope, { timeoutMs: 5_000 })).toHaveLength(50_000);
    });
    expect(turn).toBeLessThan(50);
  });

  it('end what takes too long, and the next one finds a process all the same', async () => {
    const failure = await failureOf(evaluate('($f := function() { $f() }; $f())', {}, { timeoutMs: 60 }));
    expect(failure).toMatchObject({ code: 'TIME_LIMIT' });
    expect(await evaluate('1 + 1')).toBe(2);
    expect(await failureOf(sandbox.run('endless', {}, { timeoutMs: 60 }))).toMatchObject({
      code: 'TIME_LIMIT',
    });
    expect(await evaluate('1 + 1')).toBe(2);
  });

  it('leave every other evaluation alone when a process runs out of memory', async () => {
    const bomb = () =>
      failureOf(evaluate('$length($uppercase($pad("", 500000000, "x")))', {}, { timeoutMs: 9_000 }));
    const others = Array.from({ length: 20 }, (_, index) => evaluate(`${index} + 1`));
    const [failure, ...values] = await Promise.all([bomb(), ...others]);
    expect(failure).toMatchObject({ code: 'MEMORY_LIMIT' });
    expect(values).toEqual(others.map((_, index) => index + 1));
  });
});

describe('a trip', () => {
  it('can be given up while it waits and while it runs', async () => {
    const small = createSandbox({ processes: 1 });
    const running = new AbortController();
    const waiting = new AbortController();
    const endless = '($f := function() { $f() }; $f())';
    const given = (signal: AbortSignal) =>
      failureOf(small.evaluate([{ source: endless }], {}, { timeoutMs: 60_000, signal }));
    await small.evaluate([{ source: '1' }], {});
    const first = given(running.signal);
    const second = given(waiting.signal);
    waiting.abort(new Error('no longer'));
    expect(await second).toEqual(new Error('no longer'));
    running.abort(new Error('cancelled'));
    expect(await first).toEqual(new Error('cancelled'));
    expect(await small.evaluate([{ source: '2' }], {})).toEqual([2]);
    await small.close();
  });

  it('of seconds leaves a process to those of milliseconds', async () => {
    const programs = { endless: program('() => { for (;;); }') };
    const pair = createSandbox({ processes: 2, programs });
    const end = new AbortController();
    const options = { timeoutMs: 60_000, signal: end.signal };
    const long = [1, 2, 3].map(() => failureOf(pair.run('endless', {}, options)));
    expect(await pair.evaluate([{ source: '1 + 1' }], {})).toEqual([2]);
    end.abort(new Error('enough'));
    expect(await Promise.all(long)).toEqual(long.map(() => new Error('enough')));
    await pair.close();
  });

  it('is refused when the sandbox is closed, and nothing is left of it', async () => {
    const small = createSandbox({ processes: 1 });
    const endless = { source: '($f := function() { $f() }; $f())' };
    await small.evaluate([{ source: '1' }], {});
    const trip = failureOf(small.evaluate([endless], {}, { timeoutMs: 60_000 }));
    const other = failureOf(small.evaluate([endless], {}, { timeoutMs: 60_000 }));
    await new Promise(setImmediate);
    await small.close();
    expect(await trip).toEqual(new Error('The sandbox is closed'));
    expect(await other).toEqual(new Error('The sandbox is closed'));
    expect(await failureOf(small.evaluate([endless], {}))).toEqual(new Error('The sandbox is closed'));
  });
});

describe('programs', () => {
  it('get their input and what tasks have come to', async () => {
    const options = { tasks: [{ source: 'input.b * 2' }], scope: { input: { b: 3 } } };
    expect(await sandbox.run('sum', { a: 1 }, options)).toEqual({ sum: 7, list: [1, 2] });
  });

  it('that are broken are no failure of what they were given', async () => {
    const failure = await failureOf(sandbox.run('broken', {}));
    expect(failure).not.toBeInstanceOf(SandboxError);
    expect((failure as Error).message).toMatch(/Cannot read properties of null/);
  });

  it('have nothing to reach out with', async () => {
    expect(await sandbox.run('reaching', {})).toEqual({
      ...{ read: 'ERR_ACCESS_DENIED', write: 'ERR_ACCESS_DENIED', run: 'ERR_ACCESS_DENIED' },
      ...{ fetch: 'ReferenceError', env: '0', send: 'TypeError', freeze: 'TypeError', proto: 'false' },
    });
  });
});

describe('JSON schemas', () => {
  it('say where a value breaks them', async () => {
    const schema = {
      type: 'object',
      properties: { items: { type: 'array', items: { type: 'string', pattern: '^(a+)+$' } } },
      additionalProperties: false,
    };
    expect(await sandbox.validateJson(schema, { items: ['a'] })).toEqual([]);
    expect(await sandbox.validateJson(schema, { items: ['a', 'b'], more: 1 })).toEqual([
      { path: [], message: 'must NOT have additional properties: "more"' },
      { path: ['items', '1'], message: 'must match pattern "^(a+)+$"' },
    ]);
  });

  it.each([
    [
      'draft 7',
      {
        $schema: 'http://json-schema.org/draft-07/schema#',
        definitions: { n: { type: 'number' } },
        $ref: '#/definitions/n',
      },
    ],
    [
      'draft 2020-12',
      {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        $defs: { n: { type: 'number' } },
        $ref: '#/$defs/n',
      },
    ],
  ])('may be of %s', async (_draft, schema) => {
    expect(await sandbox.validateJson(schema, 1)).toEqual([]);
    expect(await sandbox.validateJson(schema, 'x')).toEqual([{ path: [], message: 'must be number' }]);
  });

  it.each([
    ['refer to others', { $ref: 'https://example.com/schema' }],
    ['have a type that is none', { type: 'thing' }],
    ['have a pattern that cannot be read', { pattern: '(' }],
    ['are asynchronous', { $async: true }],
    ['are no object', 5],
  ])('are refused where they %s', async (_what, schema) => {
    expect(await failureOf(sandbox.validateJson(schema, 'x'))).toMatchObject({ code: 'EXPRESSION_INVALID' });
  });

  it('that refer to themselves without end are ended', async () => {
    const failure = await failureOf(sandbox.validateJson({ $ref: '#' }, 1));
    expect(failure).toMatchObject({ code: 'DEPTH_LIMIT' });
  });

  it('do not know those that came before by their ids', async () => {
    expect(await sandbox.validateJson({ $id: 'https://example.com/a', type: 'string' }, 'x')).toEqual([]);
    const failure = await failureOf(sandbox.validateJson({ $ref: 'https://example.com/a' }, 'x'));
    expect(failure).toMatchObject({ code: 'EXPRESSION_INVALID' });
  });
});

describe.runIf(process.platform === 'linux')('a process of the sandbox', () => {
  const commandOf = (id: string) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8');
    } catch {
      return '';
    }
  };
  /** Processor time, in hundredths of a second; starting takes about 25 of them. */
  const ticksOf = (id: string) => Number(readFileSync(`/proc/${id}/stat`, 'utf8').split(' ')[13]);
  const childrenOf = (id: number) =>
    readFileSync(`/proc/${id}/task/${id}/children`, 'utf8').trim().split(' ');

  it('ends with its program, also in the middle of something endless', { timeout: 30_000 }, async () => {
    const script = `
      import { createSandbox } from ${JSON.stringify(new URL('../../../src/platform/sandbox/sandbox.ts', import.meta.url).href)};
      const endless = new URL('data:text/javascript,export default () => { for (;;); }');
      const sandbox = createSandbox({ processes: 1, programs: { endless } });
      await sandbox.evaluate([{ source: '1' }], {});
      sandbox.run('endless', {}, { timeoutMs: 600000 });
      console.log('called');
    `;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(parent.stdout, 'data');
    const children = childrenOf(parent.pid ?? 0);
    expect(children.map(commandOf).join()).toContain('sandbox/inside/main.ts');
    await expect
      .poll(() => children.map(ticksOf).some((ticks) => ticks > 40), { timeout: 20_000 })
      .toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await expect
      .poll(() => readdirSync('/proc').filter((id) => children.includes(id)), { timeout: 20_000 })
      .toEqual([]);
  });
});
