/** A column as prisma/schema.prisma says it, in the words of the Postgres catalogue. */
export type ModelColumn = {
  name: string;
  type: string;
  nullable: boolean;
  hasDefault: boolean;
};

export type Model = {
  /** As `schema.table`. */
  table: string;
  columns: ModelColumn[];
  /** Columns of the primary key, in order; empty where there is none. */
  primaryKey: string[];
  /** Columns of each unique key, joined by commas. */
  unique: string[];
  /** Column, target table and what happens on delete. */
  foreignKeys: string[];
};

type Field = { name: string; type: string; isList: boolean; isOptional: boolean; attributes: string };
type Block = { name: string; fields: Field[]; attributes: string[] };

/** Every model of the schema file. */
export function readModels(text: string): Model[] {
  const blocks = [...text.matchAll(/^model (\w+) \{\n(.*?)^\}/gms)].map(([, name = '', body = '']) =>
    readBlock(name, body),
  );
  return blocks.map((block) => toModel(block, blocks));
}

function readBlock(name: string, body: string): Block {
  const lines = body
    .split('\n')
    .map((line) => line.replace(/^\s*\/\/.*$/, '').trim())
    .filter((line) => line !== '');
  return {
    name,
    attributes: lines.filter((line) => line.startsWith('@@')),
    fields: lines.filter((line) => !line.startsWith('@@')).map(readField),
  };
}

function readField(line: string): Field {
  const [, name, type, list, optional, attributes] =
    /^(\w+)\s+(\w+(?:\(".*?"\))?)(\[\])?(\?)?\s*(.*)$/.exec(line) ?? [];
  if (!name || !type) throw new Error(`Not a field of a Prisma model: ${line}`);
  return { name, type, isList: Boolean(list), isOptional: Boolean(optional), attributes: attributes ?? '' };
}

const mapped = (text: string) => /@map\("(.*?)"\)/.exec(text)?.[1];
const listed = (text: string, key: string) =>
  (new RegExp(`${key}: \\[(.*?)\\]`).exec(text)?.[1] ?? '').split(', ').filter((name) => name !== '');

function tableOf(block: Block): string {
  const attributes = block.attributes.join('\n');
  const schema = /@@schema\("(.*?)"\)/.exec(attributes)?.[1] ?? 'public';
  return `${schema}.${mapped(attributes) ?? block.name}`;
}

function toModel(block: Block, blocks: Block[]): Model {
  const columnOf = (of: Block, name: string) => {
    const field = of.fields.find((candidate) => candidate.name === name);
    return (field && mapped(field.attributes)) ?? name;
  };
  const keys = (attribute: string) =>
    block.attributes
      .filter((line) => line.startsWith(`@@${attribute}(`))
      .map((line) => /\[(.*?)\]/.exec(line)?.[1]?.split(', ') ?? [])
      .map((names) => names.map((name) => columnOf(block, name)));
  const scalars = block.fields.filter(({ type }) => !blocks.some(({ name }) => name === type));
  const single = (attribute: string) =>
    scalars
      .filter(({ attributes }) => new RegExp(`@${attribute}\\b`).test(attributes))
      .map(({ name }) => [columnOf(block, name)]);
  return {
    table: tableOf(block),
    columns: scalars.map((field) => ({
      name: columnOf(block, field.name),
      type: typeOf(field),
      nullable: field.isOptional,
      hasDefault: field.attributes.includes('@default('),
    })),
    primaryKey: [...single('id'), ...keys('id')][0] ?? [],
    unique: [...single('unique'), ...keys('unique')].map((columns) => columns.join(', ')),
    foreignKeys: block.fields.flatMap((field) => {
      const target = blocks.find(({ name }) => name === field.type);
      const columns = listed(field.attributes, 'fields').map((name) => columnOf(block, name));
      if (!target || columns.length === 0) return [];
      const onDelete = /onDelete: (\w+)/.exec(field.attributes)?.[1] ?? 'unspecified';
      const words = onDelete.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
      return [`${columns.join(', ')} -> ${tableOf(target)} on delete ${words}`];
    }),
  };
}

const TYPES: Record<string, string> = {
  String: 'text',
  Boolean: 'boolean',
  Int: 'integer',
  BigInt: 'bigint',
  Float: 'double precision',
  Json: 'jsonb',
  Bytes: 'bytea',
};
const NATIVE: Record<string, string> = {
  Uuid: 'uuid',
  VarChar: 'character varying',
  Timestamptz: 'timestamp with time zone',
  Decimal: 'numeric',
  Date: 'date',
  SmallInt: 'smallint',
};

function typeOf({ type, attributes, isList }: Field): string {
  const [, native, size] = /@db\.(\w+)(?:\((.*?)\))?/.exec(attributes) ?? [];
  // Six digits of seconds are what Postgres keeps anyway, and what it leaves out when it names the type.
  const precision = size && native !== 'Timestamptz' ? `(${size.replace(' ', '')})` : '';
  const name = native ? `${NATIVE[native] ?? native}${precision}` : (TYPES[type] ?? type);
  return isList ? `${name}[]` : name;
}
