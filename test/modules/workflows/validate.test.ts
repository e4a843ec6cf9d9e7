import { describe, expect, it } from 'vitest';
import {
  agentIdsOf,
  definitionFaults,
  parseDefinition,
} from '../../../src/modules/workflows/validation/validate.ts';
import { choice, definitionOf, delay, everyType, id, type LooseStep, loop, mapping } from './definitions.ts';

const AGENT = id('agent-row');

function faultsOf(definition: unknown): string[] {
  const parsed = parseDefinition(definition);
  const faults = parsed.definition
    ? definitionFaults(parsed.definition, { agentIds: new Set([AGENT]) })
    : parsed.faults;
  return faults.map(({ path, message }) => `${path.join('.')} ${message}`);
}

const faultsIn = (...steps: LooseStep[]) => faultsOf(definitionOf(steps));
const faultsOfTrigger = (trigger: unknown) => faultsOf(definitionOf([delay('a')], { trigger }));
const next = (...names: string[]) => ({ metadata: { next: names.map(id) } });

describe('a workflow that is right', () => {
  it('may have a step of each type', () => {
    expect(faultsOf(definitionOf(everyType(AGENT)))).toEqual([]);
  });

  it('keeps what it is given, ids in lower case', () => {
    const given = definitionOf([delay('a', { metadata: { x: 10, note: 'left', next: [] } })]);
    const startStepId = given.startStepId.toUpperCase();
    expect(parseDefinition({ ...given, startStepId })).toEqual({ definition: given, faults: [] });
  });

  it('may have 100 steps', () => {
    expect(faultsIn(...Array.from({ length: 100 }, (_, at) => delay(`s${at}`)))).toEqual([]);
  });

  it.each([
    { type: 'manual' },
    { type: 'schedule', cron: '0 3 * * 1-5', timezone: 'Europe/Berlin' },
    { type: 'schedule', cron: '*/5 * * * *' },
    { type: 'webhook', path: '/invoices/new', method: 'PUT' },
    { type: 'event', eventName: 'workflow_completed', conditions: [{ field: 'type', operator: 'exists' }] },
    { type: 'api', endpoint: '/start' },
  ])('may be started by $type', (trigger) => {
    expect(faultsOfTrigger(trigger)).toEqual([]);
  });
});

describe('the values of a definition', () => {
  it('reports all of them at once, each with its path and its step', () => {
    const wrong = { ...delay('Wait'), config: { duration: -1 }, timeout: 1.5, onError: 'explode' };
    expect(faultsIn(delay('a'), wrong as LooseStep)).toEqual([
      'steps.1.timeout of "Wait" must be a whole number from 0 to 31622400000',
      'steps.1.onError of "Wait" must be one of fail, skip, retry, fallback',
      'steps.1.config.duration of "Wait" must be a whole number from 0 to 31622400000',
    ]);
  });

  it('says what is missing', () => {
    expect(faultsOf({ steps: [{ id: id('a'), type: 'api', config: {} }] }).sort()).toEqual([
      'startStepId is required',
      'steps.0.config.endpoint is required',
      'steps.0.config.method is required',
      'steps.0.name is required',
      'trigger is required',
    ]);
  });

  it('refuses types of steps and of triggers that do not exist', () => {
    expect(faultsIn({ ...delay('a'), type: 'teleport' })).toEqual([
      expect.stringMatching(/^steps\.0\.type of "a" must be one of transform, match,/),
    ]);
    expect(faultsOfTrigger({ type: 'moon' })).toEqual([
      'trigger.type must be one of manual, schedule, webhook, event, api',
    ]);
  });

  it('refuses more than 100 steps, and none', () => {
    const tooMany = Array.from({ length: 101 }, (_, at) => delay(`s${at}`));
    expect(faultsIn(...tooMany)).toEqual(['steps must hold at most 100 steps']);
    expect(faultsOf(definitionOf([], { startStepId: id('a') }))).toEqual([
      'steps must hold at least one step',
    ]);
  });

  it.each([
    ['61 * * * *', 'must be a valid cron expression'],
    ['every day', 'must have five fields: minute, hour, day of month, month, day of week'],
    ['0 0 3 * * *', 'must have five fields: minute, hour, day of month, month, day of week'],
    ['0 0 31 2 *', 'must be a valid cron expression'],
  ])('refuses the schedule %s', (cron, message) => {
    expect(faultsOfTrigger({ type: 'schedule', cron })).toEqual([`trigger.cron ${message}`]);
  });

  it.each(['Europe/Atlantis', '+02:00', 'CET-1CEST'])('refuses the time zone %s', (timezone) => {
    expect(faultsOfTrigger({ type: 'schedule', cron: '0 3 * * *', timezone })).toEqual([
      'trigger.timezone must be a time zone of the IANA database, e.g. Europe/Berlin',
    ]);
  });

  it('limits patterns, and never matches one', () => {
    const matching = (value: unknown) => {
      const step = choice('if', {});
      return faultsIn({
        ...step,
        config: { ...step.config, conditions: [{ field: 'a', operator: 'regex', value }] },
      });
    };
    const at = 'steps.0.config.conditions.0.value of "if"';
    expect(matching('^(a+)+$')).toEqual([]);
    expect(matching('a'.repeat(501))).toEqual([`${at} must be a pattern of at most 500 characters`]);
    expect(matching('(')).toEqual([
      `${at} must be a valid regular expression in RE2’s syntax, without back references and lookaround`,
    ]);
    expect(matching(undefined)).toEqual([`${at} is required`]);
  });

  it('refuses urls of other protocols, and lets expressions make them', () => {
    const calling = (endpoint: string) =>
      faultsIn({ id: id('a'), name: 'a', type: 'api', config: { endpoint, method: 'GET' } });
    expect(calling('file:///etc/passwd')).toEqual([
      'steps.0.config.endpoint of "a" must be an http or https URL',
    ]);
    expect(calling('https://{{vars.host}}/x?y={{input.y}}')).toEqual([]);
    expect(calling('{{vars.base}}/x')).toEqual([]);
  });
});

describe('how steps hang together', () => {
  it('refuses ids that no step has, wherever they stand', () => {
    const steps = [
      choice('if', { then: ['gone'], else: ['b', 'lost'] }),
      delay('b'),
      loop('each', ['nothing']),
      delay('c', { onError: 'fallback', fallbackStepId: id('help') }),
      delay('d', { metadata: { next: [id('away')], compensate: id('undo') } }),
    ];
    const none = (name: string) => `must be the id of a step: none has "${id(name)}"`;
    expect(faultsIn(...steps)).toEqual([
      `steps.0.config.then.0 of "if" ${none('gone')}`,
      `steps.0.config.else.1 of "if" ${none('lost')}`,
      `steps.2.config.stepIds.0 of "each" ${none('nothing')}`,
      `steps.3.fallbackStepId of "c" ${none('help')}`,
      `steps.4.metadata.compensate of "d" ${none('undo')}`,
      `steps.4.metadata.next.0 of "d" ${none('away')}`,
    ]);
  });

  it('refuses a start step that is missing', () => {
    expect(faultsOf(definitionOf([delay('a')], { startStepId: id('b') }))).toEqual([
      `startStepId must be the id of a step: none has "${id('b')}"`,
    ]);
  });

  it('refuses an id that two steps have, and a step that a list names twice', () => {
    expect(faultsIn(delay('a'), { ...delay('b'), id: id('a').toUpperCase() })).toEqual([
      'steps.1.id must be unique: "b" has the id of "a"',
    ]);
    expect(faultsIn(loop('each', ['b', 'b']), delay('b'))).toEqual([
      'steps.0.config.stepIds.1 of "each" must not name "b" again',
    ]);
  });

  it('refuses steps that are never reached', () => {
    expect(faultsOf({ ...definitionOf([delay('x'), delay('a'), delay('b')]), startStepId: id('a') })).toEqual(
      ['steps.0 is never reached: nothing leads from the start step to "x"'],
    );
    expect(faultsIn(delay('a', next()), delay('b'))).toEqual([
      'steps.1 is never reached: nothing leads from the start step to "b"',
    ]);
  });

  it.each<[string, LooseStep[], string]>([
    ['of next', [delay('a'), delay('b', next('a'))], '"a" → "b" → "a"'],
    ['of one step', [delay('a', next('a'))], '"a" → "a"'],
    ['back to the start', [delay('a'), choice('if', { then: ['a'] })], '"a" → "if" → "a"'],
    ['of a condition with itself', [delay('a'), choice('if', { then: ['if'] })], '"if" → "if"'],
    [
      'of conditions',
      [delay('a'), choice('b', { then: ['c'] }), choice('c', { else: ['b'] })],
      '"b" → "c" → "b"',
    ],
    [
      'of fallbacks',
      [
        delay('a'),
        delay('b', { onError: 'fallback', fallbackStepId: id('c') }),
        delay('c', { onError: 'fallback', fallbackStepId: id('b') }),
      ],
      '"b" → "c" → "b"',
    ],
    ['within a loop', [loop('each', ['b', 'c']), delay('b'), delay('c', next('b'))], '"b" → "c" → "b"'],
    ['of loops in each other', [delay('a'), loop('b', ['c']), loop('c', ['b'])], '"b" → "c" → "b"'],
  ])('refuses circles %s', (_what, steps, circle) => {
    const faults = faultsIn(...steps);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(`goes round in a circle, which only a loop may: ${circle}`);
  });

  it('refuses to lead into the list of another step, and out of one', () => {
    const steps = [
      delay('a', next('c', 'b')),
      choice('b', { then: ['c'] }),
      delay('c', next('d')),
      delay('d'),
    ];
    expect(faultsIn(...steps)).toEqual([
      'steps.0.metadata.next.0 of "a" must stay where the step is: "c" stands in another list of steps',
      'steps.2.metadata.next.0 of "c" must stay where the step is: "d" stands in another list of steps',
    ]);
  });

  it('refuses parallel steps that would also follow each other', () => {
    const fork = delay('a', next('b', 'c'));
    expect(faultsIn(fork, delay('b'), delay('c'), delay('d'))).toEqual([
      'steps.1.metadata.next of "b" is required: it runs in parallel with "c", which would also follow it as the next in the list',
    ]);
    expect(faultsIn(fork, delay('b', next('d')), delay('c'), delay('d'))).toEqual([]);
  });

  it('refuses to fall back on nothing', () => {
    expect(faultsIn(delay('a', { onError: 'fallback' }))).toEqual([
      'steps.0.fallbackStepId of "a" is required, since it falls back on errors',
    ]);
  });
});

describe('what steps read', () => {
  const output = (name: string) => `steps.\`${id(name)}\`.output`;

  it('may be anything that can have run before', () => {
    const steps = [
      delay('a'),
      choice('if', { then: ['b'], else: ['c'] }),
      mapping('b', { x: output('a'), y: `steps.${id('if')}.output` }),
      mapping('c', { x: `steps["${id('a')}"].output` }),
      mapping('d', { x: output('b'), deeper: [{ y: output('c') }] }),
    ];
    expect(faultsIn(...steps)).toEqual([]);
  });

  it('may be of the iteration before, within a loop', () => {
    const steps = [
      loop('each', ['b', 'c']),
      mapping('b', { x: output('c'), same: output('b') }),
      mapping('c', { x: output('b') }),
      mapping('d', { x: output('c') }),
    ];
    expect(faultsIn(...steps)).toEqual([]);
  });

  it('may be anything for a step that undoes another', () => {
    const steps = [
      delay('a', { metadata: { compensate: id('undo') } }),
      mapping('undo', { x: output('b') }),
      delay('b'),
    ];
    expect(faultsIn(...steps)).toEqual([]);
  });

  it('refuses the output of later steps, of other branches and of the step itself', () => {
    const steps = [
      mapping('a', { x: output('d') }),
      choice('if', { then: ['b'], else: ['c'] }),
      mapping('b', { x: output('c') }),
      mapping('c', { x: output('c') }),
      delay('d'),
    ];
    expect(faultsIn(...steps)).toEqual([
      'steps.0.config.mapping.x of "a" reads "d", which cannot have run before it',
      'steps.2.config.mapping.x of "b" reads "c", which cannot have run before it',
      'steps.3.config.mapping.x of "c" reads "c", which cannot have run before it',
    ]);
  });

  it('refuses steps that do not exist, in every kind of text', () => {
    const ghost = `{{ steps.${id('ghost')}.output }}`;
    const reads = `reads the step "${id('ghost')}", which does not exist`;
    const condition = choice('if', {});
    condition.config.conditions = [
      { field: `steps.${id('ghost')}.output`, operator: 'equals', value: ghost },
    ];
    const steps = [
      condition,
      {
        id: id('w'),
        name: 'w',
        type: 'webhook',
        config: { url: `https://x.example/${ghost}`, method: 'POST', body: [{ a: ghost }] },
      },
      {
        id: id('n'),
        name: 'n',
        type: 'notification',
        config: { channel: 'email', template: ghost, recipients: ['x'] },
      },
      mapping('m', { by: 'steps.fetch.output', text: '"steps.none"', other: 'input.steps.none' }),
    ];
    expect(faultsIn(...steps)).toEqual([
      `steps.0.config.conditions.0.field of "if" ${reads}`,
      `steps.0.config.conditions.0.value of "if" ${reads}`,
      `steps.1.config.url of "w" ${reads}`,
      `steps.1.config.body.0.a of "w" ${reads}`,
      `steps.2.config.template of "n" ${reads}`,
      'steps.3.config.mapping.by of "m" reads the step "fetch", which does not exist: name it by its id',
    ]);
  });

  it('refuses what is no expression', () => {
    expect(faultsIn(mapping('m', { a: '$sum(', b: '1 + 1', c: 'a '.repeat(9) }))).toEqual([
      expect.stringMatching(/^steps\.0\.config\.mapping\.a of "m" must be a JSONata expression: /),
      expect.stringMatching(/^steps\.0\.config\.mapping\.c of "m" must be a JSONata expression: /),
    ]);
    expect(faultsIn(mapping('m', { deep: '('.repeat(9_000) }))).toHaveLength(1);
  });
});

describe('texts that are made to be slow', () => {
  const telling = (template: string) =>
    faultsIn({
      ...{ id: id('n'), name: 'n', type: 'notification' },
      config: { channel: 'email', template, recipients: ['x'] },
    });
  const calling = (body: string) =>
    faultsIn({
      ...{ id: id('w'), name: 'w', type: 'webhook' },
      config: { url: 'https://x.example', method: 'POST', body },
    });

  it('are read once', () => {
    expect(telling('{'.repeat(100_000))).toEqual([]);
    expect(telling(`{{${'\\"'.repeat(49_000)}}}`)).toEqual([]);
    expect(telling(`{{${'steps.`'.repeat(14_000)}}}`)).toHaveLength(1);
    expect(calling(`{{${'('.repeat(500_000)}}}`)).toEqual([
      'steps.0.config.body of "w" must be a JSONata expression: it has more than 10000 characters',
    ]);
    expect(calling('{'.repeat(1_000_000))).toEqual([]);
  });
});

describe('the agents of a workflow', () => {
  it('are all that it names, each once', () => {
    const steps = [...everyType(AGENT.toUpperCase()), delay('x', { retry: { fallbackAgent: id('other') } })];
    const definition = definitionOf(steps, { globalRetry: { fallbackAgent: AGENT } });
    const { definition: parsed } = parseDefinition(definition);
    expect(parsed && agentIdsOf(parsed)).toEqual([AGENT, id('other')]);
  });

  it('must be known', () => {
    const steps = [delay('x', { retry: { fallbackAgent: id('other') } })];
    const definition = definitionOf(steps, { globalRetry: { fallbackAgent: id('third') } });
    expect(faultsOf(definition)).toEqual([
      'steps.0.retry.fallbackAgent of "x" must be the id of an agent that you may see',
      'globalRetry.fallbackAgent must be the id of an agent that you may see',
    ]);
  });
});
