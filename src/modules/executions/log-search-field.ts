import { builder } from '../../graphql/builder.ts';
import { assertSignedIn, type Context } from '../../graphql/context.ts';
import { badInput } from '../../graphql/errors.ts';
import { isUuid, rowId } from '../../graphql/ids.ts';
import type { ExecutionKind } from '../../platform/feed/events.ts';
import { ExecutionLogConnection } from './feed-fields.ts';
import { searchLines } from './log-search.ts';

const TYPENAMES: Record<ExecutionKind, string> = {
  training: 'TrainingExecution',
  agent: 'AgentExecution',
  workflow: 'WorkflowExecution',
};

const DEFAULT_PAGE = 20;
const MAX_PAGE = 100;

builder.queryField('searchLogs', (t) =>
  t.field({
    type: ExecutionLogConnection,
    nullable: true,
    description:
      'The log lines of one execution of any kind that match, oldest first; null where there is no such execution. ' +
      'A page looks through 100,000 events at most, so it may hold fewer lines than asked for, or none, while ' +
      '`hasNextPage` is true: go on from its `endCursor`. Cursors are event numbers.',
    args: {
      executionId: t.arg.id({ required: true, description: 'Global id or row id of an execution.' }),
      query: t.arg.string({
        required: true,
        description:
          'Words to find, in upper or lower case: all of them, "a phrase", either `or` other, `-not`. Words are ' +
          'whole and are not stemmed. Any text is taken; one without a word finds nothing, and of a long one ' +
          'the first 1,000 characters count.',
      }),
      first: t.arg.int({ description: 'How many lines, 0 to 100. Default: 20.' }),
      after: t.arg.string({ description: 'Only lines after this cursor, the number of an event.' }),
    },
    resolve: (_root, args, context) => {
      assertSignedIn(context);
      return foundPage(context, args);
    },
  }),
);

type Args = {
  executionId: string;
  query: string;
  first?: number | null | undefined;
  after?: string | null | undefined;
};

async function foundPage({ db }: Context, { executionId, query, first, after }: Args) {
  const limit = first ?? DEFAULT_PAGE;
  if (limit < 0 || limit > MAX_PAGE) throw badInput(`\`first\` goes from 0 to ${MAX_PAGE} here.`);
  if (after != null && !/^\d{1,15}$/.test(after)) {
    throw badInput('A cursor of events is the number of an event, such as "42".');
  }
  const from = Number(after ?? 0);
  const found = await searchLines(db.sql, { ...executionNamed(executionId), query, after: from, limit });
  if (found === undefined) return null;
  const edges = found.lines.map((node) => ({ cursor: String(node.seq), node }));
  return {
    edges,
    pageInfo: {
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: String(found.upTo),
      hasNextPage: found.hasMore,
      hasPreviousPage: from > 0,
    },
  };
}

/** The row's id, with the kinds it may be of: a global id says which, a row's own id does not. */
function executionNamed(id: string): { executionId: string; kinds: ExecutionKind[] } {
  for (const [kind, typename] of Object.entries(TYPENAMES) as [ExecutionKind, string][]) {
    const row = rowId(typename, id);
    if (row !== id) return { executionId: row, kinds: [kind] };
  }
  const executionId = isUuid(id) ? id.toLowerCase() : id;
  return { executionId, kinds: ['training', 'agent', 'workflow'] };
}
