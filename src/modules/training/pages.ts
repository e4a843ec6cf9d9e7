import { badInput } from '../../graphql/errors.ts';
import { searchable } from '../../graphql/ids.ts';

/** What Pothos would cap in silence is an error: a client that asked for 1,000 would take 100 for all there is. */
const MAX_PAGE = 100;

type Page = {
  first?: number | null | undefined;
  last?: number | null | undefined;
  after?: string | null | undefined;
  before?: string | null | undefined;
};

/**
 * Refuses sizes out of their range, and cursors that no page of the list had: Prisma would fail over a number, and
 * Postgres over text that cannot be an id.
 *
 * @param isId whether a text can be the id that the list's cursors stand for
 */
export function assertPage({ first, last, after, before }: Page, isId: (text: string) => boolean): void {
  for (const [name, size] of Object.entries({ first, last })) {
    if (size != null && (size < 0 || size > MAX_PAGE)) {
      throw badInput(`\`${name}\` goes from 0 to ${MAX_PAGE}: ask for the next page with a cursor.`);
    }
  }
  for (const [name, cursor] of Object.entries({ after, before })) {
    if (cursor != null && !isId(idOf(cursor))) {
      throw badInput(`\`${name}\` is no cursor of this list: take it from a page's edges or pageInfo.`);
    }
  }
}

/** Whether a text can be the id of an execution, which is any that Postgres can hold. */
export function isExecutionId(text: string): boolean {
  return text !== '' && text === searchable(text);
}

/** The id in a cursor as plugin-prisma writes it, `GPC:S:<id>` in base64; empty for anything else. */
function idOf(cursor: string): string {
  return /^GPC:S:([\s\S]+)$/.exec(Buffer.from(cursor, 'base64').toString('utf8'))?.[1] ?? '';
}
