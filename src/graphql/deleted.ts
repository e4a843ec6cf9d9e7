import { builder } from './builder.ts';
import { encodeGlobalId } from './ids.ts';

/** What mutations return that delete a row. */
export const DeletedRef = builder.objectRef<{ typename: string; id: string }>('Deleted').implement({
  description: 'What was deleted.',
  fields: (t) => ({
    id: t.id({
      description: 'The global id it had.',
      resolve: ({ typename, id }) => encodeGlobalId(typename, id),
    }),
    databaseId: t.exposeString('id', { description: 'The row’s id it had.' }),
  }),
});
