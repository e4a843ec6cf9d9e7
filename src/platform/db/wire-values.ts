import type { ArgType } from '@prisma/driver-adapter-utils';

/** A parameter as it goes over the wire: text, or bytes in the binary format. */
export type WireValue = string | Buffer | null;

/**
 * A value of a hand-written statement. Arrays become Postgres arrays (so hand over `JSON.stringify(list)` where the
 * parameter is jsonb), other objects JSON, dates ISO 8601 in UTC.
 */
export function wireValue(value: unknown): WireValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return arrayText(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A parameter as Prisma's query compiler hands it over, with what it knows about its type. */
export function prismaValue(value: unknown, type: ArgType | undefined): WireValue {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value) && type?.arity === 'list') {
    return wireValue(value.map((element) => scalar(element, type)));
  }
  return wireValue(scalar(value, type));
}

function scalar(value: unknown, type: ArgType | undefined): unknown {
  if (typeof value === 'string') {
    if (type?.scalarType === 'bytes') return Buffer.from(value, 'base64');
    return type?.scalarType === 'datetime' ? moment(new Date(value), type.dbType) : value;
  }
  return value instanceof Date ? moment(value, type?.dbType) : value;
}

/** A `time` or `date` column would round or refuse the rest of an ISO timestamp. */
function moment(date: Date, dbType: string | undefined): string {
  const text = date.toISOString();
  if (dbType === 'DATE') return text.slice(0, text.indexOf('T'));
  if (dbType === 'TIME' || dbType === 'TIMETZ') return text.slice(text.indexOf('T') + 1, -1);
  return text;
}

function arrayText(values: readonly unknown[]): string {
  const parts = values.map((value) => {
    if (Array.isArray(value)) return arrayText(value);
    const wire = wireValue(value);
    if (wire === null) return 'NULL';
    const text = typeof wire === 'string' ? wire : `\\x${wire.toString('hex')}`;
    return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  });
  return `{${parts.join(',')}}`;
}
