import type { CodegenConfig } from '@graphql-codegen/cli';

/**
 * Typed documents: what `*.graphql.ts` files of the tests and the CLI say with `graphql(\`query …\`)`; and those of the
 * client, which are persisted with them.
 */
const config: CodegenConfig = {
  schema: 'schema.graphql',
  documents: ['test/**/*.graphql.ts', 'src/cli/**/*.graphql.ts', 'src/client/documents.ts'],
  ignoreNoDocuments: true,
  silent: true,
  generates: {
    'src/generated/graphql/': {
      preset: 'client',
      // And persisted-documents.json, by which the server knows them: PERSISTED_OPERATIONS in .env.example.
      presetConfig: {
        fragmentMasking: false,
        persistedDocuments: { mode: 'embedHashInDocument', hashAlgorithm: 'sha256' },
      },
      config: {
        documentMode: 'string',
        enumsAsTypes: true,
        useTypeImports: true,
        importExtension: '.ts',
        defaultScalarType: 'unknown',
        scalars: {
          ID: 'string',
          UUID: 'string',
          DateTime: 'string',
          Decimal: 'string',
          // A number where JavaScript holds it exactly, else text.
          BigInt: 'number | string',
          JSON: 'unknown',
        },
      },
    },
  },
};

export default config;
