import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  type OperationDefinitionNode,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  type ValueNode,
} from 'graphql';
import { introspectionSizes } from './introspection.ts';
import { refusal } from './refusals.ts';

/** What a page holds that nobody gave a size, and the most that one may hold. */
const DEFAULT_PAGE = 20;
export const LARGEST_PAGE = 100;
/** Lists without pages are small parts of their object: tags, tools, the tenants of a user. */
const UNPAGED = 5;
/** However little each of them costs, so many selections are no question of anybody's. */
const MAX_SELECTIONS = 5_000;
/** The same field again: fragments repeat an id, and validation compares every pair of them. */
const MAX_REPEATS = 100;

export type Variables = Readonly<Record<string, unknown>> | null | undefined;

export type Measured = {
  /** Values that the answer may hold: each field counts as often as there are objects it is asked of. */
  cost: number;
  /** The same for what is asked of the schema itself, by the real sizes of its lists. */
  introspection: number;
  depth: number;
  rootFields: number;
  /** Variables that page sizes and lists of ids are taken from. */
  sizedBy: ReadonlySet<string>;
};

/** How much variables ask for: theirs, or as if each asked for the most or the least that can be. */
export type Sizing = { variables: Variables } | 'largest' | 'smallest';

type Part = { set: SelectionSetNode; parent: GraphQLNamedType | undefined };
type Selected = { node: FieldNode; parent: GraphQLNamedType | undefined };
type Place = {
  depth: number;
  /** How many objects the fields are asked of. */
  times: number;
  /** Size of the page whose list is still to come, below a connection. */
  page: number | undefined;
  isIntrospection: boolean;
};

/**
 * Measures what documents ask for, valid or not, the way they are executed: fields of the same name are merged and
 * fragments are looked into wherever they are spread. It needs nothing said about fields: a field with `first` or
 * `last` is a page; `extensions.listSize` of a list without them tells its usual length where it is not a handful.
 */
export function createMeasure(schema: GraphQLSchema) {
  const sizes = introspectionSizes(schema);

  return (
    document: DocumentNode,
    root: OperationDefinitionNode | FragmentDefinitionNode,
    maxDepth: number,
    sizing: Sizing,
  ): Measured => {
    const fragments = fragmentsOf(document);
    const defaults: Record<string, number> = root.kind === 'OperationDefinition' ? defaultsOf(root) : {};
    const sizedBy = new Set<string>();
    const measured = { cost: 0, introspection: 0, depth: 0, rootFields: 0, sizedBy };
    let selections = 0;

    function countSelection(): void {
      selections += 1;
      if (selections > MAX_SELECTIONS) {
        throw refusal('QUERY_TOO_COMPLEX', `The operation comes to more than ${MAX_SELECTIONS} selections.`, {
          extensions: { limit: MAX_SELECTIONS },
        });
      }
    }

    /** The fields of one place, by the name they have in the answer. */
    function collect(parts: readonly Part[]): Map<string, Selected[]> {
      const fields = new Map<string, Selected[]>();
      const seen = new Set<string>();
      const queue = [...parts];
      for (let part = queue.pop(); part; part = queue.pop()) {
        for (const selection of part.set.selections) {
          countSelection();
          if (selection.kind === 'Field') add(fields, { node: selection, parent: part.parent });
          else if (selection.kind === 'InlineFragment') {
            const type = selection.typeCondition?.name.value;
            queue.push({ set: selection.selectionSet, parent: type ? schema.getType(type) : part.parent });
          } else if (!seen.has(selection.name.value)) {
            seen.add(selection.name.value);
            const fragment = fragments.get(selection.name.value);
            if (fragment) queue.push(partOf(schema, fragment));
          }
        }
      }
      return fields;
    }

    function walk(parts: readonly Part[], place: Place): void {
      if (place.depth > maxDepth) {
        throw refusal('QUERY_TOO_DEEP', `The operation nests fields more than ${maxDepth} deep.`, {
          extensions: { limit: maxDepth },
        });
      }
      measured.depth = Math.max(measured.depth, place.depth);
      for (const selected of collect(parts).values()) {
        const fields = selected.map(({ node, parent }) => definitionOf(schema, parent, node.name.value));
        const isIntrospection = place.isIntrospection || fields.some(isOfSchema);
        measured[isIntrospection ? 'introspection' : 'cost'] += place.times;
        const inner = selected.flatMap(({ node }, at): Part[] =>
          node.selectionSet ? [{ set: node.selectionSet, parent: typeOf(fields[at]) }] : [],
        );
        if (inner.length === 0) continue;
        const { many, page } = widest(selected, fields, place.page);
        walk(inner, { depth: place.depth + 1, times: place.times * many, page, isIntrospection });
      }
    }

    /** How many objects a field leads to; of a connection, the page that its list of edges will have. */
    function widest(
      selected: readonly Selected[],
      fields: readonly (Field | undefined)[],
      pending: number | undefined,
    ): { many: number; page: number | undefined } {
      let many = 1;
      let page: number | undefined;
      selected.forEach(({ node, parent }, at) => {
        const field = fields[at];
        if (!field) return;
        const asked = pageOf(field, node);
        const isList = isListType(getNullableType(field.type));
        if (asked !== undefined && !isList) page = Math.max(page ?? 1, asked);
        const described = sizes.get(`${parent?.name}.${field.name}`);
        if (isList) many = Math.max(many, asked ?? pending ?? described ?? listOf(field, node));
        else if (described !== undefined) many = described;
      });
      return { many, page };
    }

    function pageOf({ args }: Field, node: FieldNode): number | undefined {
      const names = args.map(({ name }) => name).filter((name) => name === 'first' || name === 'last');
      if (names.length === 0) return undefined;
      const asked = names.flatMap((name) => numberOf(argument(node, name)) ?? []);
      return Math.max(1, ...(asked.length > 0 ? asked : [DEFAULT_PAGE]));
    }

    function numberOf(value: ValueNode | undefined): number | undefined {
      if (value?.kind === 'IntValue') return Number(value.value);
      if (value?.kind !== 'Variable') return undefined;
      const byDefault = defaults[value.name.value] ?? DEFAULT_PAGE;
      const given = givenFor(value.name.value, Math.max(LARGEST_PAGE, byDefault));
      return typeof given === 'number' && !Number.isNaN(given) ? given : undefined;
    }

    /** A list as long as the list of ids that it is asked for, or of its usual length. */
    function listOf(field: Field, node: FieldNode): number {
      const usual = typeof field.extensions.listSize === 'number' ? field.extensions.listSize : UNPAGED;
      const lists = field.args.filter(({ type }) => isListType(getNullableType(type)));
      return Math.max(usual, ...lists.map(({ name }) => lengthOf(argument(node, name))));
    }

    function lengthOf(value: ValueNode | undefined): number {
      if (value?.kind === 'ListValue') return value.values.length;
      if (value?.kind !== 'Variable') return 1;
      const given = givenFor(value.name.value, undefined);
      return Array.isArray(given) ? given.length : 1;
    }

    function givenFor(name: string, largest: unknown): unknown {
      sizedBy.add(name);
      if (sizing === 'largest') return largest;
      if (sizing === 'smallest') return 1;
      return sizing.variables?.[name] ?? defaults[name];
    }

    const start = { depth: 1, times: 1, page: undefined, isIntrospection: false };
    const part =
      root.kind === 'OperationDefinition'
        ? { set: root.selectionSet, parent: schema.getRootType(root.operation) ?? undefined }
        : partOf(schema, root);
    measured.rootFields = collect([part]).size;
    walk([part], start);
    return measured;
  };
}

type Field = GraphQLField<unknown, unknown>;

function add(fields: Map<string, Selected[]>, selected: Selected): void {
  const name = (selected.node.alias ?? selected.node.name).value;
  const same = fields.get(name) ?? [];
  same.push(selected);
  fields.set(name, same);
  if (same.length > MAX_REPEATS) {
    throw refusal(
      'QUERY_TOO_COMPLEX',
      `The operation selects ${JSON.stringify(name)} more than ${MAX_REPEATS} times at one place.`,
      {
        extensions: { limit: MAX_REPEATS },
      },
    );
  }
}

function fragmentsOf(document: DocumentNode): Map<string, FragmentDefinitionNode> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === 'FragmentDefinition') fragments.set(definition.name.value, definition);
  }
  return fragments;
}

function defaultsOf({ variableDefinitions = [] }: OperationDefinitionNode): Record<string, number> {
  return Object.fromEntries(
    variableDefinitions.flatMap(({ variable, defaultValue }) =>
      defaultValue?.kind === 'IntValue' ? [[variable.name.value, Number(defaultValue.value)]] : [],
    ),
  );
}

function partOf(schema: GraphQLSchema, fragment: FragmentDefinitionNode): Part {
  return { set: fragment.selectionSet, parent: schema.getType(fragment.typeCondition.name.value) };
}

function definitionOf(
  schema: GraphQLSchema,
  parent: GraphQLNamedType | undefined,
  name: string,
): Field | undefined {
  if (parent === schema.getQueryType()) {
    if (name === SchemaMetaFieldDef.name) return SchemaMetaFieldDef;
    if (name === TypeMetaFieldDef.name) return TypeMetaFieldDef;
  }
  return isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
}

function isOfSchema(field: Field | undefined): boolean {
  return field === SchemaMetaFieldDef || field === TypeMetaFieldDef;
}

function typeOf(field: Field | undefined): GraphQLNamedType | undefined {
  const type = field && getNamedType(field.type);
  return isCompositeType(type) ? type : undefined;
}

function argument(node: FieldNode, wanted: string): ValueNode | undefined {
  return node.arguments?.find(({ name }) => name.value === wanted)?.value;
}
