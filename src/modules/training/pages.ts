import { badInput } from '../../graphql/errors.ts';

/** What Pothos would cap in silence is an error: a client that asked for 1,000 would take 100 for all there is. */
const MAX_PAGE = 100;

export function assertPage({
  first,
  last,
}: {
  first?: number | null | undefined;
  last?: number | null | undefined;
}) {
  for (const [name, size] of Object.entries({ first, last })) {
    if (size != null && (size < 0 || size > MAX_PAGE)) {
      throw badInput(`\`${name}\` goes from 0 to ${MAX_PAGE}: ask for the next page with a cursor.`);
    }
  }
}
