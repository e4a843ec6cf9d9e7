import { parentPort, workerData } from 'node:worker_threads';
import { Ajv, type Options } from 'ajv';
import { RE2JS } from 're2js';

/** Runs in a thread of its own, which is ended when it takes too long: see validate.ts. */
type Task = { schema: object; value: unknown };

/** Patterns are the schema's author's: RE2 takes time in proportion to the text, whatever they are. */
const regExp = Object.assign(
  (pattern: string) => {
    const compiled = RE2JS.compile(pattern);
    return { test: (text: string) => compiled.matcher(text).find() };
  },
  { code: 'regExp' },
);

const { schema, value } = workerData as Task;
const options: Options = { allErrors: false, strict: false, validateFormats: false, code: { regExp } };
try {
  const validate = new Ajv(options).compile(schema);
  // One that says $async would answer later, when nobody listens any more.
  if (typeof validate(value) !== 'boolean') throw new Error('it must not be $async');
  const faults = (validate.errors ?? []).map(({ instancePath, message, params }) => ({
    path: instancePath.split('/').slice(1).map(unescaped),
    message: `${message ?? 'does not match'}${extra(params)}`,
  }));
  parentPort?.postMessage({ faults });
} catch (error) {
  parentPort?.postMessage({
    faults: [{ path: [], message: `the schema cannot be read: ${String(error).slice(0, 500)}` }],
  });
}

function unescaped(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

function extra(params: Record<string, unknown>): string {
  if (Array.isArray(params.allowedValues)) return `: ${params.allowedValues.map(String).join(', ')}`;
  return typeof params.additionalProperty === 'string' ? `: ${params.additionalProperty}` : '';
}
