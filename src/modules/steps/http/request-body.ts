import { isList, isObject } from '../json.ts';
import { invalid } from './filled.ts';

export type RequestBody = { body: string | undefined; contentType: string | undefined };

/**
 * A step's body as it is sent: JSON unless its Content-Type says a form, or something that is text already.
 *
 * @throws {StepError} where the body cannot be of that type
 */
export function requestBody(value: unknown, contentType: string | undefined): RequestBody {
  if (value === undefined) return { body: undefined, contentType };
  if (contentType === undefined) return { body: JSON.stringify(value), contentType: 'application/json' };
  if (/^application\/(.+\+)?json\b/i.test(contentType)) return { body: JSON.stringify(value), contentType };
  if (typeof value === 'string') return { body: value, contentType };
  if (/^application\/x-www-form-urlencoded\b/i.test(contentType)) {
    return { body: formOf(value).toString(), contentType };
  }
  throw invalid('VALUE_INVALID', `body must be text for the Content-Type ${contentType}.`);
}

/** Lists become fields of the same name. */
function formOf(value: unknown): URLSearchParams {
  if (!isObject(value)) throw invalid('VALUE_INVALID', 'body must be an object, or text, for a form.');
  const form = new URLSearchParams();
  for (const [name, given] of Object.entries(value)) {
    for (const item of isList(given) ? given : [given]) {
      if (item === null || item === undefined) continue;
      if (typeof item === 'object') throw invalid('VALUE_INVALID', `body.${name} must be text for a form.`);
      form.append(name, String(item));
    }
  }
  return form;
}
