import { Prisma, type PrismaClient } from '../../generated/prisma/client.ts';
import { Moment } from './moment.ts';

/** What is known of a model's scalar field: its name in Prisma, its quoted column and Prisma's type. */
export type Field = { name: string; column: string; type: string };
export type ReadModel = { table: string; fields: ReadonlyMap<string, Field> };

/** `models` of a client's runtime data model. */
type RuntimeModels = Readonly<
  Record<
    string,
    {
      dbName?: string | null;
      schema?: string | null;
      fields: readonly { name: string; kind: string; type: string; dbName?: string | null }[];
    }
  >
>;

/** What a client as Prisma made it knows of tables and columns, which its types do not show. */
export function modelsOf(client: PrismaClient): ReadonlyMap<string, ReadModel> {
  const { models }: { models: RuntimeModels } = Reflect.get(client, '_runtimeDataModel');
  return new Map(
    Object.entries(models).map(([name, { dbName, schema, fields }]) => {
      const scalars = fields.filter(({ kind }) => kind === 'scalar');
      const table = `${schema ? `${quoted(schema)}.` : ''}${quoted(dbName ?? name)}`;
      const byName = scalars.map((field): [string, Field] => [
        field.name,
        { name: field.name, column: quoted(field.dbName ?? field.name), type: field.type },
      ]);
      return [name, { table, fields: new Map(byName) }];
    }),
  );
}

export type Read = (text: string) => unknown;

const asItIs = (text: string) => text;
const isTrue = (text: string) => text === 't';
const moment = (text: string) => new Moment(text);

const decimal = (text: string) => new Prisma.Decimal(text);

/** By Prisma's type and the column's: lists, dates without a time and bytes are not among them. */
const READERS: Record<string, Map<number, Read>> = {
  String: new Map([25, 1042, 1043, 2950].map((oid) => [oid, asItIs])),
  Int: new Map([21, 23].map((oid) => [oid, Number])),
  BigInt: new Map([[20, BigInt]]),
  Decimal: new Map([[1700, decimal]]),
  Boolean: new Map([[16, isTrue]]),
  DateTime: new Map([[1184, moment]]),
  Json: new Map([114, 3802].map((oid) => [oid, JSON.parse])),
};

/** How a column's text becomes what Prisma makes of it; undefined where only Prisma knows. */
export function readerOf(type: string, oid: number | undefined): Read | undefined {
  return oid === undefined ? undefined : READERS[type]?.get(oid);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
