import { z } from 'zod';

/** One field of a shape, as src/platform/shapes.ts describes it. */
export type Part = {
  name: string;
  description: string;
  /** The schema with what says whether it may be left out, and what it is then. */
  schema: z.ZodType;
  /** The schema without that. */
  core: z.ZodType;
  /** The name of a GraphQL scalar, where the shape names one. */
  scalar: string | undefined;
};

const known = new WeakMap<object, readonly Part[]>();

/**
 * The fields of a shape, made once: with another description a schema is another object, but has the same definition.
 *
 * @throws {Error} where a field has no description
 */
export function partsOf(shape: z.ZodObject): readonly Part[] {
  const parts =
    known.get(shape.def) ?? Object.entries(shape.shape).map(([name, schema]) => partOf(name, schema));
  known.set(shape.def, parts);
  return parts;
}

function partOf(name: string, schema: z.core.$ZodType): Part {
  const { core, description, scalar } = unwrapped(classic(schema));
  if (description === undefined) throw new Error(`The shape’s field ${name} has no description.`);
  return { name, description, schema: classic(schema), core, scalar };
}

/** What stands in `optional`, `nullable`, `default`, `prefault` and before `transform`, with the outermost of each metadatum. */
export function unwrapped(schema: z.ZodType): {
  core: z.ZodType;
  description: string | undefined;
  scalar: string | undefined;
} {
  const { description, scalar } = schema.meta() ?? {};
  const inner = innerOf(schema);
  const below = inner ? unwrapped(inner) : { core: schema, description: undefined, scalar: undefined };
  return {
    core: below.core,
    description: description ?? below.description,
    scalar: typeof scalar === 'string' ? scalar : below.scalar,
  };
}

function innerOf(schema: z.ZodType): z.ZodType | undefined {
  if (schema instanceof z.ZodPipe) return classic(schema.in);
  const isWrapper =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault;
  return isWrapper ? classic(schema.unwrap()) : undefined;
}

/** What a list holds; undefined for what is none. A map of objects is listed with their names. */
export function elementOf(core: z.ZodType): z.ZodType | undefined {
  if (core instanceof z.ZodArray) return unwrapped(classic(core.element)).core;
  return entryOf(core);
}

const entries = new WeakMap<z.ZodType, z.ZodObject>();

/** The objects of a map with their names; undefined for what is no map of objects. */
export function entryOf(core: z.ZodType): z.ZodObject | undefined {
  if (!(core instanceof z.ZodRecord) || !(core.valueType instanceof z.ZodObject)) return undefined;
  const entry = entries.get(core) ?? withName(core.valueType);
  entries.set(core, entry);
  return entry;
}

function withName(object: z.ZodObject): z.ZodObject {
  const name = z.string().describe('Its name, unique among its kind.');
  return z.object({ name, ...object.shape }).meta(object.meta() ?? {});
}

export function titleOf(shape: z.ZodType): { title: string; description: string } {
  const { title, typeDescription } = shape.meta() ?? {};
  if (title === undefined || typeof typeDescription !== 'string') {
    throw new Error(`The shape ${title ?? ''} has no title or no typeDescription.`);
  }
  return { title, description: typeDescription };
}

/** The stored values of a vocabulary, each with what it means; undefined for what is none. */
export function valuesOf(core: z.ZodType): Readonly<Record<string, string>> | undefined {
  const values = core.meta()?.vocabulary;
  return isObject(values) ? (values as Record<string, string>) : undefined;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The parts of a schema that was made by `z` are as well. */
function classic(schema: z.core.$ZodType): z.ZodType {
  return schema as z.ZodType;
}
