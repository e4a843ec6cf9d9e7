import { type ColumnType, ColumnTypeEnum as Type } from '@prisma/driver-adapter-utils';
import { parse as parseArray } from 'postgres-array';

/** How a column's text reaches Prisma. Without `parse` the text itself does. */
export type ColumnKind = { type: ColumnType; parse?: (text: string) => unknown };

const hexBytes = (text: string) => Buffer.from(text.slice(2), 'hex');
const isTrue = (text: string) => text === 't';
const digits = (text: string) => text.replace(/[^\d.-]/g, '');
const timeOnly = (text: string) => text.replace(/[+-]\d{2}(:\d{2})*$/, '');
const inUtc = (text: string) => `${text.replace(' ', 'T')}+00:00`;
/** Postgres leaves the minutes of an offset out where they are zero, which no `Date` parses. */
const withOffset = (text: string) => text.replace(' ', 'T').replace(/([+-]\d{2})$/, '$1:00');

type Row = [
  oid: number,
  arrayOid: number,
  type: ColumnType,
  array: ColumnType,
  parse?: (t: string) => unknown,
];

/** Object ids of pg_type, which are the same in every Postgres. */
const rows: Row[] = [
  [16, 1000, Type.Boolean, Type.BooleanArray, isTrue], // bool
  [17, 1001, Type.Bytes, Type.BytesArray, hexBytes], // bytea
  [18, 1002, Type.Character, Type.CharacterArray], // "char"
  [20, 1016, Type.Int64, Type.Int64Array], // int8
  [21, 1005, Type.Int32, Type.Int32Array, Number], // int2
  [23, 1007, Type.Int32, Type.Int32Array, Number], // int4
  [26, 1028, Type.Int64, Type.Int64Array, Number], // oid
  [114, 199, Type.Json, Type.JsonArray], // json
  [700, 1021, Type.Float, Type.FloatArray, Number], // float4
  [701, 1022, Type.Double, Type.DoubleArray, Number], // float8
  [790, 791, Type.Numeric, Type.NumericArray, digits], // money
  [1082, 1182, Type.Date, Type.DateArray], // date
  [1083, 1183, Type.Time, Type.TimeArray], // time
  [1114, 1115, Type.DateTime, Type.DateTimeArray, inUtc], // timestamp
  [1184, 1185, Type.DateTime, Type.DateTimeArray, withOffset], // timestamptz
  [1266, 1270, Type.Time, Type.TimeArray, timeOnly], // timetz
  [1700, 1231, Type.Numeric, Type.NumericArray], // numeric
  [2950, 2951, Type.Uuid, Type.UuidArray], // uuid
  [3802, 3807, Type.Json, Type.JsonArray], // jsonb
  [19, 1003, Type.Text, Type.TextArray], // name
  [25, 1009, Type.Text, Type.TextArray], // text
  [142, 143, Type.Text, Type.TextArray], // xml
  [650, 651, Type.Text, Type.TextArray], // cidr
  [869, 1041, Type.Text, Type.TextArray], // inet
  [1042, 1014, Type.Text, Type.TextArray], // bpchar
  [1043, 1015, Type.Text, Type.TextArray], // varchar
  [1560, 1561, Type.Text, Type.TextArray], // bit
  [1562, 1563, Type.Text, Type.TextArray], // varbit
];

const kinds = new Map<number, ColumnKind>();
for (const [oid, arrayOid, type, array, parse] of rows) {
  kinds.set(oid, parse ? { type, parse } : { type });
  const element = parse ?? ((text: string) => text);
  kinds.set(arrayOid, { type: array, parse: (text) => parseArray(text, element) });
}

/** Enums, domains' own types, intervals, ranges and the like are read as Postgres writes them. */
const asText: ColumnKind = { type: Type.Text };

export function columnKind(oid: number): ColumnKind {
  return kinds.get(oid) ?? asText;
}
