import jsonata from 'jsonata';
import { MAX_EXPRESSION } from './definition/pieces.ts';
import { isList, isObject } from './json.ts';

/** Text of a step's config that is read for `steps.<id>`. */
export type Expression = {
  /** From the step down, e.g. `['config', 'body', 'total']`. */
  path: readonly string[];
  source: string;
  /** Whether it is JSONata as a whole; templates of documents have sections and partials as well. */
  isJsonata: boolean;
};

/** The places whose text is an expression as it stands; everywhere else expressions are within `{{ … }}`. */
const BARE: Readonly<Record<string, readonly string[]>> = {
  transform: ['mapping', 'functions'],
  match: ['fields'],
  reconcile: ['sourceA', 'sourceB'],
  loop: ['items'],
};

/** Filled in by a library of templates without logic, whose `{{#list}}` is no JSONata. */
const DOCUMENTS: Readonly<Record<string, readonly string[]>> = {
  generate: ['template'],
  notification: ['template'],
};

/** What no text of is read: names of steps, not values. */
const LISTS_OF_STEPS: Readonly<Record<string, readonly string[]>> = {
  condition: ['then', 'else'],
  loop: ['stepIds'],
};

/** All expressions in a step's config, in the order of its keys. */
export function expressionsIn(type: string, config: unknown): Expression[] {
  if (!isObject(config)) return [];
  return Object.entries(config).flatMap(([key, value]) => {
    const path = ['config', key];
    if (LISTS_OF_STEPS[type]?.includes(key)) return [];
    if (type === 'condition' && key === 'conditions') return ofConditions(value, path);
    const isBare = BARE[type]?.includes(key) ?? false;
    const isDocument = DOCUMENTS[type]?.includes(key) ?? false;
    return textsIn(value, path).flatMap(({ text, at }) =>
      isBare ? [{ path: at, source: text, isJsonata: true }] : filledIn(text, at, !isDocument),
    );
  });
}

function ofConditions(conditions: unknown, path: readonly string[]): Expression[] {
  if (!isList(conditions)) return [];
  return conditions.flatMap((condition, index) => {
    if (!isObject(condition)) return [];
    const { field, value, operator } = condition;
    const at = [...path, String(index)];
    return [
      ...(typeof field === 'string' ? [{ path: [...at, 'field'], source: field, isJsonata: true }] : []),
      // A pattern may hold {{ itself.
      ...(operator === 'regex' ? [] : textsIn(value, [...at, 'value'])).flatMap(({ text, at: where }) =>
        filledIn(text, where, true),
      ),
    ];
  });
}

/** Found by `indexOf`: a pattern reads the rest of the text again for every `{{` that nothing closes. */
function filledIn(text: string, path: readonly string[], isJsonata: boolean): Expression[] {
  const found: Expression[] = [];
  for (let open = text.indexOf('{{'); open !== -1; ) {
    const close = text.indexOf('}}', open + 2);
    if (close === -1) break;
    found.push({ path, source: text.slice(open + 2, close), isJsonata });
    open = text.indexOf('{{', close + 2);
  }
  return found;
}

function textsIn(value: unknown, at: readonly string[]): { text: string; at: readonly string[] }[] {
  if (typeof value === 'string') return [{ text: value, at }];
  if (isList(value)) return value.flatMap((inner, index) => textsIn(inner, [...at, String(index)]));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => textsIn(inner, [...at, key]));
}

/** `steps.<uuid>` and `steps["<uuid>"]`, which are no JSONata, as `` steps.`<uuid>` ``, which is. Anything else stays. */
export function quoteStepIds(source: string): string {
  return source.replaceAll(BARE_REFERENCE, (_all, root: string, bare?: string, bracketed?: string) => {
    return `${root}.\`${(bare ?? bracketed ?? '').toLowerCase()}\``;
  });
}

const UUID = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
const BARE_REFERENCE = new RegExp(`\\b(steps)(?:\\.(${UUID})|\\[\\s*["'\`](${UUID})["'\`]\\s*\\])`, 'g');

/** Why a text is no JSONata; undefined where it is. It is parsed, never run. */
export function syntaxFault(source: string): string | undefined {
  if (source.length > MAX_EXPRESSION) return `it has more than ${MAX_EXPRESSION} characters`;
  try {
    jsonata(quoteStepIds(source));
    return undefined;
  } catch (error) {
    return isObject(error) && typeof error.message === 'string' ? error.message : 'it cannot be read';
  }
}

/**
 * The keys that an expression looks up in `steps`, each once, as they are written: `` steps.`<id>` ``, `steps.<id>` and
 * `steps["<id>"]`. What is made up while it runs, as in `$lookup(steps, input.id)`, is not seen.
 */
export function stepsReadBy({ source }: Pick<Expression, 'source'>): string[] {
  const keys = [...withoutTexts(quoteStepIds(source)).matchAll(REFERENCE)].map(
    ([, quoted, plain]) => quoted ?? plain ?? '',
  );
  return [...new Set(keys)];
}

const REFERENCE = /(?<![\w.`$])(?:\$\$?\.)?steps\s*\.\s*(?:`([^`]*)`|([A-Za-z_]\w*))/g;

/** Blanks out texts within an expression: `"see steps.one"` reads nothing. One that is not closed goes to the end. */
function withoutTexts(source: string): string {
  return source.replaceAll(/"(?:[^"\\]|\\[\s\S]?)*(?:"|$)|'(?:[^'\\]|\\[\s\S]?)*(?:'|$)/g, '""');
}
