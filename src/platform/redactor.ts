const MASK = '[secret]';

/** Parts of a secret shorter than that are too common: blotting them out would say what they are. */
const SHORTEST = 8;

/**
 * Blots secrets out of what others may read: as they are, line by line, in JSON, URLs, forms and HTML, and within any
 * base64, at whatever byte they begin.
 */
export class Redactor {
  readonly #forms = new Set<string>();
  #pattern: RegExp | undefined;

  constructor(secrets: Iterable<string> = []) {
    this.add(...secrets);
  }

  /** Also what was made of one, such as a token that it was exchanged for. Texts shorter than 8 characters are not kept. */
  add(...secrets: string[]): void {
    for (const secret of secrets) for (const form of formsOf(secret)) this.#forms.add(form);
    const longestFirst = [...this.#forms].sort((one, other) => other.length - one.length);
    this.#pattern =
      longestFirst.length > 0
        ? new RegExp(longestFirst.map((form) => escaped(form)).join('|'), 'g')
        : undefined;
  }

  text(text: string): string {
    return this.#pattern ? text.replaceAll(this.#pattern, MASK) : text;
  }

  /** A copy of a JSON value, keys of objects included. A number that holds a secret becomes text. */
  json<Value>(value: Value): Value {
    // Its shape stays as it was, but for the numbers.
    return this.#pattern ? (this.#json(value) as Value) : value;
  }

  #json(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') return this.text(String(value)) === String(value) ? value : MASK;
    if (Array.isArray(value)) return value.map((item) => this.#json(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [this.text(key), this.#json(inner)]),
    );
  }
}

function formsOf(secret: string): string[] {
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  const whole = [...new Set([secret, secret.trim(), ...lines])].filter((text) => text.length >= SHORTEST);
  return whole.flatMap((text) => [
    text,
    ...jsonForms(text),
    ...percentForms(encodeURIComponent(text.toWellFormed())),
    ...percentForms(new URLSearchParams({ '': text }).toString().slice(1)),
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
    ...base64Forms(text),
  ]);
}

/** In JSON, in JSON within JSON, and once more: servers repeat what they were sent, and wrap it. */
function jsonForms(text: string): string[] {
  const once = JSON.stringify(text).slice(1, -1);
  const twice = JSON.stringify(once).slice(1, -1);
  return [once, twice, JSON.stringify(twice).slice(1, -1)];
}

function percentForms(encoded: string): string[] {
  return [encoded, encoded.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())];
}

/** Three bytes make four characters, so within longer base64 a text has one of three faces, its edges apart. */
function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].flatMap((offset) => {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes]);
    const inner = [Math.ceil((offset * 4) / 3), Math.floor((shifted.length * 4) / 3)] as const;
    const forms = [shifted.toString('base64').slice(...inner), shifted.toString('base64url').slice(...inner)];
    return forms.filter((form) => form.length >= SHORTEST);
  });
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
