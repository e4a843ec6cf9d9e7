/** A column as facts.ts writes it down, in the catalogue's terms. */
export type ColumnFacts = {
  name: string;
  /** As format_type says it, e.g. `character varying(50)`. */
  type: string;
  nullable: boolean;
  /** Without casts, parentheses and spaces; undefined where the facts name none. */
  default?: string;
  references?: { table: string; onDelete: 'no action' | 'cascade' | 'set null' };
};

const TYPES: Record<string, string> = {
  ts: 'timestamp with time zone',
  bool: 'boolean',
};

const COLUMN = /^(\w+) ([^ ?]+)(\?)?(?: = (.+?))?(?: -> ([\w.]+)(?: (cascade|set null))?)?$/;

/** @throws {Error} where the text is none of facts.ts's notation */
export function parseColumn(text: string): ColumnFacts {
  const [, name, type, nullable, standard, table, onDelete] = COLUMN.exec(text) ?? [];
  if (!name || !type) throw new Error(`Not a column in facts.ts's notation: ${text}`);
  return {
    name,
    type: TYPES[type] ?? type.replace(/^varchar/, 'character varying'),
    nullable: nullable !== undefined,
    ...(standard && { default: normalDefault(standard) }),
    ...(table && {
      references: {
        table: table.includes('.') ? table : `public.${table}`,
        onDelete: onDelete === 'cascade' || onDelete === 'set null' ? onDelete : 'no action',
      },
    }),
  };
}

/** A default without what Postgres adds when it prints one: casts, parentheses, spaces. */
export function normalDefault(expression: string): string {
  return expression.replace(/::[a-z]+( [a-z]+)*(\(\d+\))?(\[\])?/g, '').replace(/[()\s]/g, '');
}
