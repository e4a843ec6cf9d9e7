import { z } from 'zod';
import { builder } from './builder.ts';
import {
  elementOf,
  entryOf,
  isObject,
  type Part,
  partsOf,
  titleOf,
  unwrapped,
  valuesOf,
} from './shape-parts.ts';
import { storedEnum, valueOrUnknown } from './stored-enum.ts';

/**
 * GraphQL types made from the zod schema of a JSON column; src/platform/shapes.ts says what such a schema tells about
 * itself. Other programs write those columns too, so an output type takes whatever is stored: a field that does not fit
 * is null or UNKNOWN, an entry of a list that does not fit is left out, and nothing else of the answer is affected.
 */

/** A JSON object as it is stored, or an entry of a map with its name. */
export type Stored = Readonly<Record<string, unknown>>;

/** The stored value where it is an object; null for anything else. */
export function objectIn(stored: unknown): Stored | null {
  return isObject(stored) ? stored : null;
}

/** What of a stored list is objects; null for anything else. */
export function objectsIn(stored: unknown): Stored[] | null {
  return Array.isArray(stored) ? stored.filter(isObject) : null;
}

type OutputRef = ReturnType<ReturnType<typeof builder.objectRef<Stored>>['implement']>;
type InputRef = ReturnType<ReturnType<typeof builder.inputRef<object>>['implement']>;

/** The output type, named by the shape's title; its values are stored objects. */
export const outputOf = remembering((shape: z.ZodObject): OutputRef => {
  const { title, description } = titleOf(shape);
  const parts = partsOf(shape);
  return builder.objectRef<Stored>(title).implement({
    description,
    fields: (t) => {
      const known = parts.map((part) => {
        const { name, description } = part;
        const resolve = (stored: Stored) => readable(part, stored[name]);
        return [name, t.field({ type: typeOf(part, outputOf), nullable: true, description, resolve })];
      });
      const texts = parts
        .filter(({ core }) => valuesOf(core))
        .map(({ name }) => {
          const resolve = (stored: Stored) => textIn(stored[name]);
          return [
            `${name}Text`,
            t.string({ nullable: true, description: `The ${name} as it is stored.`, resolve }),
          ];
        });
      return Object.fromEntries([...known, ...texts]);
    },
  });
});

/** The input type, named by the shape's title with `Input` behind; `fromInput` makes of its values what the shape parses. */
export const inputOf = remembering((shape: z.ZodObject): InputRef => {
  const { title, description } = titleOf(shape);
  const parts = partsOf(shape);
  return builder.inputRef<object>(`${title}Input`).implement({
    description,
    fields: (t) =>
      Object.fromEntries(
        parts.map((part) => {
          const { name, description, schema } = part;
          const required = !schema.safeParse(undefined).success;
          return [name, t.field({ type: typeOf(part, inputOf), required, description })];
        }),
      ),
  });
});

type EnumRef<Value extends string> = ReturnType<typeof storedEnum<Value>>;

/** The enum of a vocabulary, named by its title. */
export function enumOf<Value extends string>(schema: z.ZodEnum<{ [Key in Value]: Key }>): EnumRef<Value> {
  // The values that are told by the schema's type are those that it carries.
  return storedEnumOf(schema) as EnumRef<Value>;
}

const storedEnumOf = remembering((core: z.ZodType) => {
  const { title, description } = titleOf(core);
  return storedEnum(title, description, valuesOf(core) ?? {});
});

/**
 * An input as the shape parses it: lists of named entries as maps, and without what is null, unless the shape takes null
 * there. What does not fit stays as it is, for the shape to complain about.
 */
export function fromInput(shape: z.ZodType, input: unknown): unknown {
  const { core } = unwrapped(shape);
  if (core instanceof z.ZodObject) return isObject(input) ? objectFrom(core, input) : input;
  const element = elementOf(core);
  if (!element || !Array.isArray(input)) return input;
  const items = input.map((item: unknown) => fromInput(element, item));
  return entryOf(core) ? mapFrom(items) : items;
}

function objectFrom(shape: z.ZodObject, input: Stored): Stored {
  const given = partsOf(shape).flatMap(({ name, schema }): [string, unknown][] => {
    const value = input[name];
    const isLeftOut = value === undefined || (value === null && !schema.safeParse(null).success);
    return isLeftOut ? [] : [[name, fromInput(schema, value)]];
  });
  return Object.fromEntries(given);
}

/** Of several entries of one name a list, which is no object. */
function mapFrom(items: readonly unknown[]): Record<string, unknown> {
  const byName = Map.groupBy(items.filter(isObject), ({ name }) => String(name));
  const entries = [...byName].map(([name, same]): [string, unknown] => {
    const [only, ...others] = same.map(({ name: _name, ...rest }) => rest);
    return [name, others.length > 0 ? [only, ...others] : only];
  });
  return Object.fromEntries(entries);
}

function readable({ core, schema }: Pick<Part, 'core' | 'schema'>, stored: unknown): unknown {
  const value = stored === undefined ? schema.safeParse(undefined).data : stored;
  if (value === undefined || value === null) return null;
  const element = elementOf(core);
  if (element) {
    return (
      listIn(core, value)?.flatMap((item) => readable({ core: element, schema: element }, item) ?? []) ?? null
    );
  }
  if (core instanceof z.ZodObject) return objectIn(value);
  const values = valuesOf(core);
  if (values) return typeof value === 'string' ? valueOrUnknown(values, value) : null;
  return schema.safeParse(value).data ?? null;
}

function listIn(core: z.ZodType, value: unknown): unknown[] | null {
  if (!entryOf(core)) return Array.isArray(value) ? value : null;
  if (!isObject(value)) return null;
  return Object.entries(value).flatMap(([name, entry]) => (isObject(entry) ? [{ ...entry, name }] : []));
}

function textIn(stored: unknown): string | null {
  return typeof stored === 'string' ? stored : null;
}

/** The type of a field. Which one is known at run time alone; to the compiler it is the scalar that may be anything. */
function typeOf({ core, scalar }: Part, objectType: (shape: z.ZodObject) => unknown): 'JSON' {
  const element = elementOf(core);
  const single = element ?? core;
  const type = scalar ?? (single instanceof z.ZodObject ? objectType(single) : leafOf(single));
  return (element ? [type] : type) as 'JSON';
}

function leafOf(core: z.ZodType): unknown {
  if (valuesOf(core)) return storedEnumOf(core);
  if (core.def.type === 'string') return 'String';
  if (core.def.type === 'boolean') return 'Boolean';
  if (core instanceof z.ZodNumber) return core.isInt ? 'Int' : 'Float';
  if (core.def.type === 'unknown' || core.def.type === 'record') return 'JSON';
  throw new Error(
    `A shape has a field of zod's type ${core.def.type}: say by its metadata which scalar it is.`,
  );
}

/** Types are made once: a shape that is a part of several has other metadata in each, but the same definition. */
function remembering<Shape extends z.ZodType, Ref>(make: (shape: Shape) => Ref): (shape: Shape) => Ref {
  const refs = new WeakMap<object, Ref>();
  return (shape) => {
    const ref = refs.get(shape.def) ?? make(shape);
    refs.set(shape.def, ref);
    return ref;
  };
}
