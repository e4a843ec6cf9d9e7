import type { z } from 'zod';
import { read } from '../flow/links.ts';
import { type Fault, quoted } from './fault.ts';

export type Validated<Value> =
  | { value: Value; faults: readonly [] }
  | { value?: undefined; faults: readonly Fault[] };

/** What a schema makes of a definition, or of something that holds one; faults in a step name the step. */
export function parsed<Value>(schema: z.ZodType<Value>, raw: unknown): Validated<Value> {
  const result = schema.safeParse(raw);
  if (result.success) return { value: result.data, faults: [] };
  const faults = result.error.issues.map(({ path, message }) => {
    const at = path.map(String);
    const isAbsent = at.reduce<unknown>(read, raw) == null;
    return { path: at, message: `${stepIn(raw, at)}${isAbsent ? 'is required' : message}` };
  });
  return { faults };
}

/** `of "<name>" `, where a path leads into a step that has one. */
function stepIn(raw: unknown, [field = '', index = '']: readonly string[]): string {
  const name = field === 'steps' ? read(read(read(raw, field), index), 'name') : undefined;
  return typeof name === 'string' && name !== '' ? `of ${quoted(name)} ` : '';
}
