import { z } from 'zod';
import { isStorable, jsonObject, jsonValue, text } from '../../../graphql/validation.ts';
import { vocabulary, whole } from '../../../platform/shapes.ts';
import { HTTP_METHODS } from '../vocabulary.ts';

/** Pieces that several concepts of a definition are made of. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Characters; some hundred lines. */
export const MAX_EXPRESSION = 10_000;

const YEAR = 366 * 24 * 3_600_000;

/** Lower case, as Postgres writes it, so that ids are equal where their texts are. */
export const uuid = z
  .string({ error: 'must be a uuid' })
  .regex(UUID, 'must be a uuid')
  .overwrite((id) => id.toLowerCase())
  .meta({ scalar: 'ID' });

export const anyJson = jsonValue.meta({ scalar: 'JSON' });

export const json = jsonObject.meta({ scalar: 'JSON' });

/** A duration, at most a year: GraphQL's Int would end after 24 days. */
export const duration = whole(0, YEAR).meta({ scalar: 'Float' });

/** An expression in JSONata, read with `input`, `steps`, `state` and `vars` in reach. */
export const expression = text(MAX_EXPRESSION);

/** Text with `{{ expression }}` in it; empty text is text as well. */
export const template = text(100_000);

/** An http or https URL, or text that becomes one when its `{{ … }}` are filled in. */
export const templateUrl = text(2_000).refine(
  (url) =>
    /^\s*\{\{/.test(url) ||
    (URL.canParse(url.replaceAll(/\{\{[\s\S]*?\}\}/g, '1')) && /^https?:\/\//i.test(url)),
  'must be an http or https URL',
);

/** A URL that may name secrets behind its `?`: what stands before it shows in logs, of ours and of others. */
export const urlWithSecrets = templateUrl.refine(
  (url) => !/\{\{\s*secrets\s*\./.test(url.split('?', 1)[0] ?? ''),
  'must name secrets behind its ? alone',
);

export const headers = z
  .record(
    z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$/, 'must be the name of a header'),
    z
      .string({ error: 'must be text' })
      .max(8_000, 'must have at most 8000 characters')
      .refine((line) => isStorable(line) && !/[\r\n]/.test(line), 'must be a single line'),
    { error: 'must be an object of texts by the names of headers' },
  )
  .meta({ scalar: 'JSON' });

export const httpMethod = vocabulary('HttpMethod', 'An HTTP method.', HTTP_METHODS);

/** Some of the methods, of the same type as all. */
export function httpMethodOf(...methods: (keyof typeof HTTP_METHODS)[]) {
  return httpMethod.pipe(z.enum(methods, { error: `must be one of ${methods.join(', ')}` }));
}
