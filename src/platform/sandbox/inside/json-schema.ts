import { Ajv, type ErrorObject, type Options } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { SandboxError } from '../errors.ts';
import type { SchemaFault } from '../sandbox.ts';
import { linearPattern } from './linear-pattern.ts';

const MAX_FAULTS = 100;

const regExp = Object.assign(
  (pattern: string) => {
    const linear = linearPattern(pattern);
    return { test: (text: string) => linear.matcher(text).find() };
  },
  { code: 'linear' },
);

const options: Options = {
  strict: false,
  allErrors: true,
  validateFormats: false,
  logger: false,
  // Schemas are checked by what is made of them: one that was checked before would be known to the next one by its id.
  meta: false,
  validateSchema: false,
  code: { regExp },
};

/** @throws {SandboxError} EXPRESSION_INVALID for a schema that is none, or that refers to others */
export function schemaFaults(schema: unknown, value: unknown): SchemaFault[] {
  const validate = compiled(schema);
  try {
    if (validate(value)) return [];
  } catch (thrown) {
    throw limitOf(thrown) ?? thrown;
  }
  return (validate.errors ?? []).slice(0, MAX_FAULTS).map(faultOf);
}

function compiled(given: unknown) {
  if (typeof given === 'boolean') return new Ajv2020(options).compile(given);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalid('it is no object');
  const { $schema, $async, ...schema } = given as Record<string, unknown>;
  if ($async) throw invalid('$async is not supported');
  const isOld = typeof $schema === 'string' && /draft-0?[67]/.test($schema);
  try {
    return new (isOld ? Ajv : Ajv2020)(options).compile(schema);
  } catch (thrown) {
    throw limitOf(thrown) ?? invalid(thrown instanceof Error ? thrown.message : 'unknown');
  }
}

function faultOf({ instancePath, message = 'is not valid', keyword, params }: ErrorObject): SchemaFault {
  const path = instancePath.split('/').slice(1).map(unescaped);
  const extra: unknown = params.additionalProperty ?? params.unevaluatedProperty;
  const isExtra = keyword.endsWith('Properties') && typeof extra === 'string';
  return { path, message: isExtra ? `${message}: "${extra.slice(0, 100)}"` : message };
}

/** Of JSON pointers. */
const unescaped = (part: string) => part.replaceAll('~1', '/').replaceAll('~0', '~');

function limitOf(thrown: unknown): SandboxError | undefined {
  if (thrown instanceof SandboxError) return thrown;
  if (!(thrown instanceof RangeError)) return undefined;
  return new SandboxError({ code: 'DEPTH_LIMIT', message: 'the schema refers to itself without end' });
}

const invalid = (why: string) =>
  new SandboxError({ code: 'EXPRESSION_INVALID', message: `the JSON schema cannot be read: ${why}` });
