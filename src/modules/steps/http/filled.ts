import { randomBytes } from 'node:crypto';
import { Redactor } from '../../../platform/redactor.ts';
import { SecretError } from '../../secrets/errors.ts';
import type { Secrets } from '../../secrets/service.ts';
import { isList, isObject } from '../json.ts';
import { type Scope, type StepCall, StepError } from '../step.ts';

/** Fills in the `{{ expression }}` of all texts in a JSON value. */
export type Fill = (value: unknown, scope: Scope) => Promise<unknown>;

export type FilledOptions = {
  /** Written into texts in place of its `{{secrets.NAME}}`. */
  fill: Fill;
  secrets: Secrets;
};

const REFERENCE = /\{\{\s*secrets\.([A-Za-z_]\w*)\s*\}\}/g;

/** A config with everything filled in, secrets last. */
export type Filled<Config> = {
  /** With a mark where a secret belongs: what was filled in may itself say `{{secrets.NAME}}`, and gets nothing for it. */
  config: { [Key in keyof Config]: unknown };
  /** Knows the secrets that the config names. */
  redactor: Redactor;
  /** @param path of the value, for the message where it is no text */
  text(value: unknown, path: string): string;
  /** A JSON value, with the secrets in its texts. */
  json(value: unknown): unknown;
  /** A URL with the secrets, percent-encoded, in its query. @throws {StepError} where one is elsewhere */
  url(value: unknown, path: string): URL;
};

/**
 * Fills a config in. Secrets that it names are marked before and put in afterwards, by a mark that nobody can guess:
 * an input that says `{{secrets.STRIPE_KEY}}` stays what it is.
 *
 * @throws {StepError} where a secret that is named cannot be had
 */
export async function filledIn<Config extends object>(
  config: Config,
  scope: Scope,
  call: Pick<StepCall, 'owner'>,
  { fill, secrets }: FilledOptions,
): Promise<Filled<Config>> {
  const nonce = randomBytes(16).toString('hex');
  const names: string[] = [];
  const marked = eachText(config, (text) =>
    text.replaceAll(REFERENCE, (_reference, name: string) => `${nonce}x${names.push(name) - 1}x`),
  );
  const values = await resolved(secrets, call, names);
  const marks = new RegExp(`${nonce}x(\\d+)x`, 'g');
  const put = (text: string, encode = (value: string) => value) =>
    text.replaceAll(marks, (_mark, at: string) => encode(values.get(names[Number(at)] ?? '') ?? ''));
  return {
    // The shape is the config's; what its values have become is for the reader to check.
    config: (await fill(marked, scope)) as Filled<Config>['config'],
    redactor: new Redactor(values.values()),
    text: (value, path) => put(textOf(value, path)),
    json: (value) => eachText(value, (text) => put(text)),
    url(value, path) {
      const text = textOf(value, path);
      const [before = ''] = text.split('?', 1);
      if (before.search(marks) !== -1) {
        throw invalid('SECRET_MISPLACED', `${path} may name secrets behind its ? alone.`);
      }
      const url = put(text, encodeURIComponent);
      if (!URL.canParse(url)) throw invalid('URL_REFUSED', `${path} is no URL when it is filled in.`);
      return new URL(url);
    },
  };
}

async function resolved(secrets: Secrets, { owner }: Pick<StepCall, 'owner'>, names: readonly string[]) {
  try {
    return await secrets.resolve(owner, names);
  } catch (error) {
    if (error instanceof SecretError) throw invalid(error.code, error.message);
    throw error;
  }
}

function textOf(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw invalid('VALUE_INVALID', `${path} is no text when it is filled in.`);
}

/** What another try would not mend. */
export function invalid(code: string, message: string): StepError {
  return new StepError({ code, message }, { isFinal: true });
}

function eachText(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (isList(value)) return value.map((item) => eachText(item, change));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, eachText(inner, change)]));
}
