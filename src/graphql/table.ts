import type { GraphQLResolveInfo } from 'graphql';
import type PrismaTypes from '../generated/pothos-types.ts';
import type { Condition, Select, SelectedRow } from '../platform/db/select.ts';
import { createBatch } from './batch.ts';
import { type Context, perLease } from './context.ts';
import { placeOf } from './cursor.ts';
import { isUuid, searchable } from './ids.ts';
import type { Direction } from './order.ts';
import { nodeOf, type Page, type PageArgs, type PageFrame, pageOf, type Row, sizeOf } from './page.ts';
import { selectedFields } from './selected-fields.ts';

export type { Condition };

type Kind = 'moment' | 'text' | 'number' | 'uuid';

export type TableOptions<Field extends string> = {
  /** Fields that lists can be ordered by, none of them null, each with an index that ends in the id → what they hold. The first is the default. */
  orders: Readonly<Record<Field, Kind>>;
  /** What ids look like; default uuid. */
  id?: 'uuid' | 'text';
  /** The GraphQL type's name, where it is not the model's. */
  typename?: string;
  /** The field that tells the rows of one list apart, where the model has no `id`; rows then have it as their `id`. */
  key?: string;
};

/**
 * Lists and single rows of a model, read by one SELECT each that asks for what the query needs and no more. What belongs
 * to the rows of a list, be it a page for each or one row for each, is read for the whole level of the query at once.
 */
export function createTable<Model extends keyof PrismaTypes & string, Field extends string>(
  model: Model,
  { orders, id: idKind = 'uuid', typename = model, key: unique = 'id' }: TableOptions<Field>,
) {
  const [defaultOrder] = Object.keys(orders) as [Field, ...Field[]];
  const isId = idKind === 'uuid' ? isUuid : isText;

  /** The part of the SELECT that the arguments say. */
  function ask(info: GraphQLResolveInfo, args: PageArgs<Field>, where: readonly Condition[]): Asked {
    const { field, direction } = args.orderBy ?? { field: defaultOrder, direction: 'desc' };
    const isBackward = args.last != null || (args.first == null && args.before != null);
    const size = sizeOf(args);
    const texts = [IS[orders[field]], isId];
    const after = args.after == null ? undefined : placeOf(args.after, 'after', field, texts);
    const before = args.before == null ? undefined : placeOf(args.before, 'before', field, texts);
    const [above, below] = direction === 'asc' ? (['>', '<'] as const) : (['<', '>'] as const);
    const fields = [field, unique];
    return {
      field,
      size,
      isBackward,
      hasFrom: (isBackward ? before : after) !== undefined,
      counted: where,
      select: {
        model,
        fields: selectedFields(info, typename),
        where: [
          ...where,
          ...(after ? [{ fields, comparison: above, place: after }] : []),
          ...(before ? [{ fields, comparison: below, place: before }] : []),
        ],
        order: { fields, direction: isBackward ? opposite(direction) : direction },
        limit: size + 1,
      },
    };
  }

  /** One statement for all parents that a field of the query is resolved for. */
  function levelOf(context: Context, info: GraphQLResolveInfo, parent: string, ask: () => Asked): Level {
    const known = perLease(context, levels);
    // The field's place in the document stands for its arguments, too.
    const [key] = info.fieldNodes;
    const level = known.get(key);
    if (level) return level;
    const asked = ask();
    const made: Level = {
      asked,
      page: createBatch(async (values) =>
        grouped(await context.db.rows.select({ ...asked.select, per: { field: parent, values } })),
      ),
      count: createBatch((values) =>
        context.db.rows.count({ model, where: asked.counted, per: { field: parent, values } }),
      ),
    };
    known.set(key, made);
    return made;
  }

  return {
    model,

    /**
     * A page of the whole table, as far as the caller may see it.
     *
     * @throws BAD_USER_INPUT on sizes out of 0 to 100 and cursors of other lists
     */
    async page(
      context: Context,
      info: GraphQLResolveInfo,
      args: PageArgs<Field>,
      where: readonly Condition[] = [],
    ): Promise<Page> {
      const asked = ask(info, args, where);
      const rows = asked.size === 0 ? [] : await context.db.rows.select(asked.select);
      const count = async () => (await context.db.rows.count({ model, where })).get('') ?? 0;
      return pageOf(asked, rows, count);
    },

    /**
     * A page of what belongs to a row. The conditions may depend on the arguments, not on the row: the first one's
     * serve all rows of the level.
     *
     * @param parent a uuid field and the value it has, e.g. `{agentId: agent.id}`
     */
    async pageOf(
      parent: Readonly<Record<string, string>>,
      context: Context,
      info: GraphQLResolveInfo,
      args: PageArgs<Field>,
      where: readonly Condition[] = [],
    ): Promise<Page> {
      const [[field, value] = ['', '']] = Object.entries(parent);
      const level = levelOf(context, info, field, () => ask(info, args, where));
      const rows = level.asked.size === 0 ? [] : ((await level.page(value)) ?? []);
      return pageOf(level.asked, rows, async () => (await level.count(value)) ?? 0);
    },

    /** The row of an id; null where there is none that the caller may see, and for no id. */
    one(context: Context, info: GraphQLResolveInfo, id: string | null | undefined): Promise<Row | null> {
      return this.oneBy('id', context, info, id);
    },

    /**
     * The row of an id that must be there, such as one that a mutation has just written.
     *
     * @throws {Error} where it is gone by now
     */
    async oneOrThrow(context: Context, info: GraphQLResolveInfo, id: string): Promise<Row> {
      const row = await this.one(context, info, id);
      if (!row) throw new Error(`The ${model} ${id} is gone.`);
      return row;
    },

    /** As `one`, by another field that is unique; further conditions may depend on the arguments alone. */
    async oneBy(
      field: string,
      context: Context,
      info: GraphQLResolveInfo,
      value: string | null | undefined,
      where: readonly Condition[] = [],
    ): Promise<Row | null> {
      if (value == null || (field === 'id' && !isId(value))) return null;
      const known = perLease(context, singles);
      const [key] = info.fieldNodes;
      const load = known.get(key) ?? createBatch((values) => loadBy(field, context, info, values, where));
      known.set(key, load);
      // Postgres writes uuids in lower case.
      return (await load(isUuid(value) ? value.toLowerCase() : value)) ?? null;
    },
  };

  async function loadBy(
    field: string,
    context: Context,
    info: GraphQLResolveInfo,
    values: string[],
    where: readonly Condition[],
  ): Promise<Map<string, Row>> {
    const [only = ''] = values;
    const rows = await context.db.rows.select({
      model,
      fields: [...new Set([...selectedFields(info, typename), 'id', field])],
      where: [values.length === 1 ? { field, is: only } : { field, in: values }, ...where],
      order: { fields: ['id'], direction: 'asc' },
      limit: values.length,
    });
    return new Map(rows.map(({ row, place: [id = ''] }) => [String(row[field]), nodeOf(row, id)]));
  }
}

type Level = {
  asked: Asked;
  page: (parent: string) => Promise<SelectedRow[] | undefined>;
  count: (parent: string) => Promise<number | undefined>;
};

const levels = () => new Map<unknown, Level>();
const singles = () => new Map<unknown, (id: string) => Promise<Row | undefined>>();

type Asked = PageFrame & {
  select: Select;
  /** What `totalCount` counts: everything, whatever the page. */
  counted: readonly Condition[];
};

function grouped(rows: readonly SelectedRow[]): Map<string, SelectedRow[]> {
  return Map.groupBy(rows, ({ of }) => of);
}

function opposite(direction: Direction): Direction {
  return direction === 'asc' ? 'desc' : 'asc';
}

const MOMENT = /^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00$/;

/** Whether a text of a cursor can be a value of the column, which Postgres would refuse to compare with anything else. */
const IS: Record<Kind, (text: string) => boolean> = {
  moment: (text) => MOMENT.test(text),
  number: (text) => /^-?\d{1,15}(\.\d{1,15})?$/.test(text),
  text: isText,
  uuid: isUuid,
};

function isText(text: string): boolean {
  return text !== '' && text === searchable(text);
}
