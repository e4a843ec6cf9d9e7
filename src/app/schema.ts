import { printSchema } from 'graphql';
import { builder } from '../graphql/builder.ts';
import '../graphql/error-types.ts';
import '../modules/accounts/schema.ts';
import '../modules/accounts/mutations.ts';
import '../modules/training/schema.ts';
import '../modules/training/mutations.ts';
import '../modules/training/catalogue-mutations.ts';
import '../modules/training/subscriptions.ts';

/** The schema of all modules: each file imported above defines its types on the builder. */
export const schema = builder.toSchema();

/** As `schema.graphql` has it. */
export function printedSchema(): string {
  return `${printSchema(schema)}\n`;
}
