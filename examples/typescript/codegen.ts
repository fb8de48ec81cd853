import type { CodegenConfig } from '@graphql-codegen/cli'

const config: CodegenConfig = {
  schema: '../../schema.graphql',
  documents: 'src/documents/*.graphql',
  importExtension: '.js',
  generates: {
    'src/gql/': {
      preset: 'client',
      presetConfig: {
        fragmentMasking: false,
        // Writes src/gql/persisted-documents.json, for `courselens documents register`.
        persistedDocuments: { hashAlgorithm: 'sha256' },
      },
      config: {
        // Documents stay text: nothing of GraphQL is left in what the browser loads.
        documentMode: 'string',
        useTypeImports: true,
        // A scalar that is not listed here stops the generator, instead of becoming `any`.
        strictScalars: true,
        scalars: {
          Date: '../scalars.js#CalendarDate',
          DateTime: '../scalars.js#DateTime',
          ID: 'string',
        },
      },
    },
    // No document names the codes of errors, so the preset leaves them out.
    'src/gql/enums.ts': {
      plugins: ['typescript'],
      config: { onlyEnums: true, enumsAsTypes: true },
    },
  },
}

export default config
