import { randomUUID } from 'node:crypto';

/** A definition as JSON, as loose as what a client may send. */
export type Loose = { [key: string]: unknown; steps: LooseStep[]; startStepId: string };
export type LooseStep = { id: string; name: string; type: string; config: Record<string, unknown> } & Record<
  string,
  unknown
>;

/** The id that stands for a short name in a test, e.g. `id('a')`; the same name has the same id. */
export function id(name: string): string {
  const hex = Buffer.from(name).toString('hex').padStart(12, '0').slice(-12);
  return `00000000-0000-4000-8000-${hex}`;
}

export function delay(name: string, rest: Record<string, unknown> = {}): LooseStep {
  return { id: id(name), name, type: 'delay', config: { duration: 5 }, ...rest };
}

export function choice(
  name: string,
  { then = [], else: otherwise }: { then?: string[]; else?: string[] },
  rest: Record<string, unknown> = {},
): LooseStep {
  const conditions = [{ field: 'input.amount', operator: 'greaterThan', value: 10 }];
  const config = { conditions, then: then.map(id), ...(otherwise && { else: otherwise.map(id) }) };
  return { id: id(name), name, type: 'condition', config, ...rest };
}

export function loop(name: string, body: string[], rest: Record<string, unknown> = {}): LooseStep {
  const config = { items: 'input.items', stepIds: body.map(id) };
  return { id: id(name), name, type: 'loop', config, ...rest };
}

export function mapping(name: string, expressions: Record<string, unknown>, rest = {}): LooseStep {
  return { id: id(name), name, type: 'transform', config: { mapping: expressions }, ...rest };
}

/** Steps one after the other, begun by the first, started by people. */
export function definitionOf(steps: LooseStep[], rest: Record<string, unknown> = {}): Loose {
  return { trigger: { type: 'manual' }, startStepId: steps[0]?.id ?? randomUUID(), steps, ...rest };
}

/** One step of each type with a config that is right. */
export function everyType(agentId: string): LooseStep[] {
  const step = (type: string, config: Record<string, unknown>) => ({
    id: id(type),
    name: type,
    type,
    config,
  });
  return [
    step('transform', {
      mapping: { total: '$sum(input.lines.amount)' },
      functions: { net: 'function($x) { $x / 1.19 }' },
    }),
    step('match', { pattern: '^INV-\\d+$', fields: ['input.number'], threshold: 0.5 }),
    step('reconcile', {
      sourceA: 'input.bank',
      sourceB: 'input.books',
      matchingRules: [{ field: 'number' }],
      reconciliationStrategy: 'preferA',
    }),
    step('api', {
      endpoint: 'https://api.example.com/{{input.id}}',
      method: 'GET',
      headers: { accept: 'application/json' },
    }),
    step('database', { operation: 'select', table: 'agents', query: { enabled: true } }),
    step('generate', { template: '# {{title}}', format: 'markdown', variables: { title: 'A report' } }),
    step('agent', { agentId, input: { question: '{{input.question}}' }, waitForCompletion: true }),
    step('condition', {
      conditions: [{ field: 'input.ok', operator: 'equals', value: true, logicalOperator: 'and' }],
      then: [id('delay')],
    }),
    step('loop', { items: 'input.items', stepIds: [id('human')], maxIterations: 10 }),
    step('delay', { duration: 2_592_000_000 }),
    step('human', { prompt: 'Is that right?', required: true, timeout: 3_600_000 }),
    step('notification', { channel: 'in-app', template: 'Done: {{title}}', recipients: ['finance'] }),
    step('webhook', { url: 'https://example.com/hook', method: 'POST', body: { id: '{{input.id}}' } }),
    step('training', { publicId: 'tales', method: 'sft', provider: 'local' }),
  ];
}

const ENUMS = [
  ...['operator', 'logicalOperator', 'reconciliationStrategy', 'method', 'format', 'channel', 'provider'],
  'onError',
];

/** Stored steps as GraphQL takes them: the config below the name of the type, enums by their names. */
export function asInput(steps: readonly LooseStep[]): object[] {
  return steps.map(({ type, config, ...step }) => ({
    ...(enumsIn(step) as object),
    config: { [type]: enumsIn(config) },
  }));
}

function enumsIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(enumsIn);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [
    key,
    ENUMS.includes(key) && typeof inner === 'string' ? enumName(inner) : enumsIn(inner),
  ]);
  return Object.fromEntries(entries);
}

function enumName(value: string): string {
  const words = value.replaceAll(/([a-z])([A-Z])/g, '$1_$2').replaceAll('-', '_');
  return words.toUpperCase();
}
