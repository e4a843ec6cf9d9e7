import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { compileFunction } from 'node:vm';
import type jsonataType from 'jsonata';
import { SandboxError } from '../errors.ts';
import type { JsonText, Task } from '../protocol.ts';
import { expressionFailure } from './failures.ts';
import { LinearRegExp } from './linear-pattern.ts';

type Jsonata = typeof jsonataType;

/** Evaluations within each other; a function that calls itself takes about six for each call. */
const DEPTH = 3_000;

/** Entries of any list that JSONata makes. */
const SEQUENCE = 500_000;

const requireHere = createRequire(import.meta.url);
const path = requireHere.resolve('jsonata');
const load = compileFunction(readFileSync(path, 'utf8'), ['module', 'exports', 'require'], {
  filename: path,
});

/**
 * JSONata anew, half a millisecond each time: an expression can change the library's own functions for whatever is
 * evaluated after it, as in `($clone := function($x){$x}; [$sum] ~> |$[0]|{"implementation": 5}|)` with 2.2.2.
 */
function freshJsonata(): Jsonata {
  const module: { exports: unknown } = { exports: {} };
  load(module, module.exports, requireHere);
  return module.exports as Jsonata;
}

type Limits = { evaluationMs: number; begin: () => void };

/** @throws {SandboxError} of the first task that fails */
export async function evaluateTasks(
  tasks: readonly Task[],
  scopeText: JsonText,
  { evaluationMs, begin }: Limits,
): Promise<unknown[]> {
  const scope = withoutInternals(scopeText.join(''));
  const jsonata = freshJsonata();
  begin();
  const since = performance.now();
  const values: unknown[] = [];
  for (const [index, task] of tasks.entries()) {
    const left = evaluationMs - (performance.now() - since);
    values.push(
      await evaluateTask(jsonata, task, scope, left).catch((thrown: unknown) => {
        throw expressionFailure(thrown, index);
      }),
    );
  }
  return values;
}

async function evaluateTask(jsonata: Jsonata, task: Task, scope: unknown, timeout: number): Promise<unknown> {
  if (timeout <= 0) throw new SandboxError({ code: 'TIME_LIMIT', message: 'it took too long' });
  const RegexEngine = LinearRegExp as unknown as RegExpConstructor;
  const limits = { timeout, stack: DEPTH, sequence: SEQUENCE, RegexEngine };
  return await jsonata(withBindings(jsonata, task), limits).evaluate(scope);
}

/**
 * One expression of the bindings and the source, so that they share one environment, with its limits, and bindings may
 * name each other. Each has been read by itself, and cannot end the brackets that it is put in.
 */
function withBindings(jsonata: Jsonata, { source, bindings = {} }: Task): string {
  const entries = Object.entries(bindings);
  if (entries.length === 0) return source;
  for (const text of [...Object.values(bindings), source]) jsonata(text);
  const assignments = entries.map(([name, text]) => `$${checkedName(name)} := (${text});`);
  return `(${assignments.join('\n')}\n${source}\n)`;
}

function checkedName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(name)) return name;
  const message = `"${name.slice(0, 100)}" is no name of a function: letters, digits and underscores`;
  throw new SandboxError({ code: 'EXPRESSION_INVALID', message });
}

/** By these JSONata knows its own functions, and objects their prototype: no value may bear them. */
const INTERNALS = ['__proto__', '_jsonata_lambda', '_jsonata_function'];

function withoutInternals(text: string): unknown {
  // JSON.stringify has written it, and escapes no underscore.
  if (!INTERNALS.some((name) => text.includes(name))) return JSON.parse(text);
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value === 'object' && value !== null) {
      for (const name of INTERNALS) if (Object.hasOwn(value, name)) Reflect.deleteProperty(value, name);
    }
    return value;
  });
}
