import { isObjectType, printSchema } from 'graphql';
import { builder } from '../graphql/builder.ts';
import '../graphql/error-types.ts';
import '../modules/accounts/schema.ts';
import '../modules/training/schema.ts';
import '../modules/training/mutations.ts';
import '../modules/training/catalogue-mutations.ts';
import '../modules/training/subscriptions.ts';

/** The schema of all modules: each file imported above defines its types on the builder. */
export const schema = builder.toSchema();

// Pothos's Prisma plugin makes this field by itself and has no option for its description.
for (const type of Object.values(schema.getTypeMap())) {
  const totalCount = isObjectType(type) ? type.getFields().totalCount : undefined;
  if (totalCount)
    totalCount.description = 'How many there are on all pages; counted only where it is asked for.';
}

/** As `schema.graphql` has it. */
export function printedSchema(): string {
  return `${printSchema(schema)}\n`;
}
