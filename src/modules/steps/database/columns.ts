import type { z } from 'zod';

/** What a column holds: how its values are compared, and what JSON becomes of them. */
export type ColumnKind = 'uuid' | 'text' | 'number' | 'boolean' | 'moment' | 'json';

/** The kinds as Postgres calls them, for parameters. */
export const CASTS: Readonly<Record<ColumnKind, string>> = {
  uuid: 'uuid',
  text: 'text',
  number: 'numeric',
  boolean: 'boolean',
  moment: 'timestamptz',
  json: 'jsonb',
};

/** What a step may do to a table. Everything else is refused. */
export type Table = {
  /** With its schema, as SQL. */
  name: string;
  /** Columns that may be read and asked for. Every table has an `id`. */
  columns: Readonly<Record<string, ColumnKind>>;
  /** Of a run for a tenant the rows of that tenant alone are in reach. */
  isOfTenant: boolean;
  /** What a new row is given; `user_id` and the tenant are the run's. */
  insert?: z.ZodObject;
  /** What may be changed of a row. */
  update?: z.ZodObject;
  /** A column that a change sets to the moment, where no trigger does. */
  touches?: string;
  canDelete?: true;
};
