import { stringify } from 'csv-stringify/sync';
import { isList, isObject } from '../json.ts';
import type { Writing } from './render.ts';

function text(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;' },
  ...{ '"': '&quot;', "'": '&#39;', '`': '&#96;', '=': '&#61;' },
};

const html = (value: unknown) => text(value).replace(/[&<>"'`=]/g, (sign) => ENTITIES[sign] ?? sign);

/** A value of JSON; text without its quotation marks, to stand between those of the template. */
function json(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value).slice(1, -1) : JSON.stringify(value ?? null);
}

/** How values of a template are written, by the format of the document. */
export const WRITINGS = {
  html: { escaped: html, plain: text },
  markdown: { escaped: text, plain: text },
  pdf: { escaped: text, plain: text },
  json: { escaped: json, plain: (value) => JSON.stringify(value ?? null) },
  csv: { escaped: csv, plain: text },
  text: { escaped: text, plain: text },
} satisfies Record<string, Writing>;

/** A cell, or of a list the rows: objects as a table with a header, lists as rows, everything else as one row. */
function csv(value: unknown): string {
  if (!isList(value)) return lines([[value]]);
  if (value.length === 0) return '';
  if (value.every(isList)) return lines(value);
  if (!value.every(isObject)) return lines([value]);
  const columns = [...new Set(value.flatMap((record) => Object.keys(record)))];
  const rows = value.map((record) =>
    columns.map((name) => (Object.hasOwn(record, name) ? record[name] : null)),
  );
  return lines([columns, ...rows]);
}

/** Without the end of the last line, which is the template's. */
function lines(rows: readonly (readonly unknown[])[]): string {
  return stringify(rows.map((row) => row.map(cell))).replace(/\n$/, '');
}

/** Spreadsheets run a text that begins like a formula; a quotation mark before it keeps them from it. Numbers stay. */
function cell(value: unknown): string {
  const written = text(value);
  if (typeof value === 'number' || /^[+-]?\d+([.,]\d+)?$/.test(written)) return written;
  return /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(written) ? `'${written}` : written;
}
