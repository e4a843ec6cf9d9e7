import type { CodegenConfig } from '@graphql-codegen/cli';

/** Typed documents for the tests and the CLI: `graphql(\`query …\`)` from src/generated/graphql/. */
const config: CodegenConfig = {
  schema: 'schema.graphql',
  documents: ['test/**/*.ts', 'src/cli/**/*.ts'],
  ignoreNoDocuments: true,
  silent: true,
  generates: {
    'src/generated/graphql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: 'string',
        enumsAsTypes: true,
        useTypeImports: true,
        defaultScalarType: 'unknown',
        scalars: { DateTime: 'string', JSON: 'unknown', ID: 'string' },
      },
      importExtension: '.ts',
    },
  },
};

export default config;
