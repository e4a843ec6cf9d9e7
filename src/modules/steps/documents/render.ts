import mustache from 'mustache';
import { isObject } from '../json.ts';

/** How a format writes values: `{{name}}`, and `{{{name}}}`. */
export type Writing = { escaped(value: unknown): string; plain(value: unknown): string };

/** A template that cannot be read; its message is for whoever wrote it. */
export class TemplateError extends Error {
  override name = 'TemplateError';
}

/** A document beyond the limit. */
export class DocumentTooLarge extends Error {
  override name = 'DocumentTooLarge';
}

/**
 * Fills in a mustache template: names, sections and inverted sections, no logic, no partials.
 *
 * @param view JSON; names are looked up among the own fields of objects alone
 * @param limit characters
 */
export function render(template: string, view: unknown, writing: Writing, limit: number): string {
  const writer = new LimitedWriter(writing, limit);
  try {
    writer.parse(template);
  } catch (thrown) {
    throw new TemplateError(thrown instanceof Error ? thrown.message : 'unknown');
  }
  return writer.render(template, new OwnFields(view));
}

/** Mustache's own takes what objects inherit as well, such as `constructor`, and calls it. */
class OwnFields extends mustache.Context {
  override push(view: unknown): mustache.Context {
    return new OwnFields(view, this);
  }

  override lookup(name: string): unknown {
    if (name === '.') return this.view;
    const [first = '', ...rest] = pathOf(name);
    for (let context: mustache.Context | undefined = this; context; context = context.parent) {
      if (!has(context.view, first)) continue;
      return rest.reduce<unknown>((value, part) => own(value, part), own(context.view, first));
    }
    return undefined;
  }
}

/** `` steps.`<id>`.output `` and `steps["<id>"].output`, which expressions write, are names as well. */
function pathOf(name: string): string[] {
  return name
    .replaceAll(/\[\s*["'`]?([^\]"'`]*)["'`]?\s*\]/g, '.$1')
    .replaceAll('`', '')
    .split('.');
}

const has = (value: unknown, name: string) =>
  (isObject(value) || Array.isArray(value)) && Object.hasOwn(value, name);

function own(value: unknown, name: string): unknown {
  return has(value, name) ? Reflect.get(value as object, name) : undefined;
}

class LimitedWriter extends mustache.Writer {
  readonly #writing: Writing;
  #left: number;

  constructor(writing: Writing, limit: number) {
    super();
    this.#writing = writing;
    this.#left = limit;
  }

  override escapedValue(token: string[], context: mustache.Context): string {
    return this.#counted(this.#writing.escaped(context.lookup(token[1] ?? '')));
  }

  override unescapedValue(token: string[], context: mustache.Context): string {
    return this.#counted(this.#writing.plain(context.lookup(token[1] ?? '')));
  }

  override rawValue(token: string[]): string {
    return this.#counted(token[1] ?? '');
  }

  #counted(text: string): string {
    this.#left -= text.length;
    if (this.#left < 0) throw new DocumentTooLarge();
    return text;
  }
}
