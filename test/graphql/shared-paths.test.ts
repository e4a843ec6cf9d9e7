import SchemaBuilder from '@pothos/core';
import { type GraphQLResolveInfo, parse } from 'graphql';
import { expect, it } from 'vitest';
import { getDatamodel } from '../../src/generated/pothos-types.ts';
import { createExecutor } from '../../src/graphql/compiled-queries.ts';
import { sharedPaths } from '../../src/graphql/shared-paths.ts';

type Path = GraphQLResolveInfo['path'];
type Seen = { field: string; row: number; path: Path };

/** A list of two rows whose fields write down the paths that they were resolved at. */
function recording() {
  const seen: Seen[] = [];
  const builder = new SchemaBuilder<{ DefaultFieldNullability: false }>({
    plugins: [sharedPaths],
    defaultFieldNullability: false,
    // Asked for by the types of a plugin that is not among these.
    prisma: {
      dmmf: getDatamodel(),
      client: () => {
        throw new Error('Nothing here is loaded.');
      },
    },
  });
  const Row = builder.objectRef<{ at: number }>('Row').implement({
    fields: (t) =>
      Object.fromEntries(
        ['left', 'right'].map((field) => [
          field,
          t.int({
            resolve: ({ at }, _args, _context, { path }) => {
              seen.push({ field, row: at, path });
              return at;
            },
          }),
        ]),
      ),
  });
  builder.queryType({
    fields: (t) => ({ rows: t.field({ type: [Row], resolve: () => [{ at: 0 }, { at: 1 }] }) }),
  });
  return { schema: builder.toSchema(), seen };
}

const keys = (path: Path | undefined): (string | number)[] => (path ? [...keys(path.prev), path.key] : []);

it('gives fields of a row the same links above them, compiled or not, and no two executions the same', async () => {
  const { schema, seen } = recording();
  const executor = createExecutor();
  const document = parse('{ rows { left right } }');
  const roots = new Set<Path | undefined>();
  for (let time = 0; time < 6; time += 1) {
    seen.length = 0;
    await executor({ schema, document, contextValue: {} });
    const at = (field: string, row: number) =>
      seen.find((one) => one.field === field && one.row === row)?.path;
    expect(keys(at('right', 1))).toEqual(['rows', 1, 'right']);
    expect(at('left', 1)?.prev).toBe(at('right', 1)?.prev);
    expect(at('left', 0)?.prev?.prev).toBe(at('right', 1)?.prev?.prev);
    expect(at('left', 0)?.prev).not.toBe(at('left', 1)?.prev);
    roots.add(at('left', 0)?.prev?.prev);
  }
  expect(roots.size).toBe(6);
});
