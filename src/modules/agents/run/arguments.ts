import { isObject } from '../../steps/json.ts';
import { StepError } from '../../steps/step.ts';
import type { Tool } from '../definition.ts';

export type Arguments = Readonly<Record<string, unknown>>;

const JSON_TYPES = ['string', 'number', 'integer', 'boolean', 'object', 'array'];

/** What a tool takes, as models are told it. A type that JSON schemas do not know is any. */
export function parametersSchema({ parameters }: Pick<Tool, 'parameters'>) {
  const properties = Object.entries(parameters).map(([name, { type, description }]) => [
    name,
    { ...(JSON_TYPES.includes(type) && { type }), ...(description !== undefined && { description }) },
  ]);
  const required = Object.entries(parameters).flatMap(([name, parameter]) =>
    parameter.required && parameter.default === undefined ? [name] : [],
  );
  return { type: 'object' as const, properties: Object.fromEntries(properties), required };
}

/**
 * The arguments of a call by an agent without a model: of the input, what stands under the tool's name or id, and else
 * whatever is named as its parameters are.
 */
export function argumentsFrom(input: unknown, tool: Tool): Arguments {
  if (!isObject(input)) return {};
  const own = input[tool.name] ?? input[tool.id];
  if (isObject(own)) return own;
  const named = Object.keys(tool.parameters).filter((name) => Object.hasOwn(input, name));
  return Object.fromEntries(named.map((name) => [name, input[name]]));
}

/** @throws {StepError} INVALID_ARGUMENTS: what is missing, or of another type */
export function completed(given: unknown, { name, parameters }: Tool): Arguments {
  if (!isObject(given)) throw invalid(name, 'they must be an object');
  const faults: string[] = [];
  const filled: Record<string, unknown> = { ...given };
  for (const [key, { type, required, default: otherwise }] of Object.entries(parameters)) {
    if (filled[key] === undefined && otherwise !== undefined) filled[key] = otherwise;
    if (filled[key] === undefined && required) faults.push(`${key} is required`);
    if (filled[key] !== undefined && !isOfType(filled[key], type))
      faults.push(`${key} must be of type ${type}`);
  }
  if (faults.length > 0) throw invalid(name, faults.join('; '));
  return filled;
}

function invalid(tool: string, what: string): StepError {
  return new StepError(
    { code: 'INVALID_ARGUMENTS', message: `the arguments of ${tool} are wrong: ${what}` },
    { isFinal: true },
  );
}

function isOfType(value: unknown, type: string): boolean {
  if (!JSON_TYPES.includes(type)) return true;
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  return typeof value === type;
}
