import type { SelectedRow } from '../platform/db/select.ts';
import { cursorOf } from './cursor.ts';
import { badInput } from './errors.ts';
import type { Order } from './order.ts';

/** What is longer than that is asked for page by page: a client that asked for 1,000 would take 100 for all there is. */
const MAX_PAGE = 100;
const DEFAULT_PAGE = 20;

export type PageArgs<Field extends string = string> = {
  first?: number | null | undefined;
  last?: number | null | undefined;
  after?: string | null | undefined;
  before?: string | null | undefined;
  orderBy?: Order<Field> | null | undefined;
};

/** A row with the fields that the query needs of it; its type's fields say by `select` which those are. */
export type Row = { id: string };
export type Edge = { readonly cursor: string; readonly node: Row };

/** A page of a connection, as the Relay plugin takes it. */
export type Page = {
  edges: Edge[];
  pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  /** Counted only when it is called. */
  totalCount(): Promise<number>;
};

/** What is known of a page before its rows are: the order's field, its length, its end, whether it begins at a cursor. */
export type PageFrame = { field: string; size: number; isBackward: boolean; hasFrom: boolean };

/** @param rows one more than the page is long where there are more, in the order that they were read in */
export function pageOf(
  { field, size, isBackward, hasFrom }: PageFrame,
  rows: readonly SelectedRow[],
  totalCount: () => Promise<number>,
): Page {
  const shown = rows.slice(0, size);
  if (isBackward) shown.reverse();
  const edges = shown.map((row) => new ListedEdge(field, row));
  const hasMore = rows.length > size;
  return {
    edges,
    totalCount,
    pageInfo: {
      hasNextPage: isBackward ? hasFrom : hasMore,
      hasPreviousPage: isBackward ? hasMore : hasFrom,
      get startCursor() {
        return edges[0]?.cursor ?? null;
      },
      get endCursor() {
        return edges.at(-1)?.cursor ?? null;
      },
    },
  };
}

/** Its cursor is made when somebody selects it. A class, since a getter of its own for each of 100 edges is garbage. */
class ListedEdge implements Edge {
  readonly node: Row;
  readonly #field: string;
  readonly #place: readonly string[];

  constructor(field: string, { row, place }: SelectedRow) {
    this.node = nodeOf(row, place.at(-1) ?? '');
    this.#field = field;
    this.#place = place;
  }

  get cursor(): string {
    return cursorOf({ field: this.#field, texts: this.#place });
  }
}

/** Every row has its id, whether it was selected or not: what belongs to it is found by that. */
export function nodeOf(row: Record<string, unknown>, id: string): Row {
  return Object.assign(row, { id });
}

/** @throws BAD_USER_INPUT on sizes out of 0 to 100, and on both at once */
export function sizeOf({ first, last }: PageArgs): number {
  if (first != null && last != null) throw badInput('Give `first` or `last`, not both.');
  for (const [name, size] of Object.entries({ first, last })) {
    if (size != null && (size < 0 || size > MAX_PAGE)) {
      throw badInput(`\`${name}\` goes from 0 to ${MAX_PAGE}: ask for the next page with a cursor.`);
    }
  }
  return first ?? last ?? DEFAULT_PAGE;
}
