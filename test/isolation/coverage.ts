import {
  type GraphQLInputObjectType,
  type GraphQLNamedType,
  type GraphQLSchema,
  type GraphQLType,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { Case, Cases } from './case.ts';
import { callOf } from './documents.ts';

const ROOTS = ['Query', 'Mutation', 'Subscription'];
/** Scalars that name rows. */
const IDS = ['ID', 'UUID'];

/**
 * What needs a case: every root field; every field of a reachable type that leads to another (a page, its edges and
 * their nodes belong to the field that has the page); `Query.node` and `Query.nodes` once for each type they can give;
 * and every argument and input field that names a row.
 */
export function coordinatesOf(schema: GraphQLSchema): string[] {
  const found = new Set<string>();
  for (const type of reachableTypes(schema)) {
    if (isInputObjectType(type)) for (const coordinate of idsIn(type)) found.add(coordinate);
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      if (isFrame(schema, type, field.name)) continue;
      const coordinate = `${type.name}.${field.name}`;
      const result = getNamedType(field.type);
      if (ROOTS.includes(type.name) && isInterfaceType(result)) {
        for (const { name } of schema.getPossibleTypes(result)) found.add(`${coordinate}(${name})`);
      } else if (ROOTS.includes(type.name) || (isCompositeType(result) && isObjectType(type)))
        found.add(coordinate);
      for (const { name, type: argument } of field.args) {
        if (IDS.includes(getNamedType(argument).name)) found.add(`${coordinate}(${name}:)`);
      }
    }
  }
  return [...found].sort();
}

/** What a registry of cases covers: its coordinates, and the ids that its calls name. */
export function coveredBy(schema: GraphQLSchema, cases: Cases): Set<string> {
  const covered = new Set(Object.keys(cases));
  for (const [coordinate, how] of entriesOf(cases)) {
    const { operation, field } = callOf(schema, coordinate, how);
    const info = new TypeInfo(schema);
    const add = () => {
      const [parent, own] = [info.getParentType(), info.getFieldDef()];
      const argument = info.getArgument();
      if (parent && own && argument) covered.add(`${parent.name}.${own.name}(${argument.name}:)`);
    };
    visit(
      parse(`${operation} { ${field} }`),
      visitWithTypeInfo(info, {
        [Kind.ARGUMENT]: { enter: add },
        [Kind.OBJECT_FIELD]: {
          enter(node) {
            const input = getNamedType(info.getParentInputType());
            if (input) covered.add(`${input.name}.${node.name.value}`);
          },
        },
      }),
    );
  }
  return covered;
}

/** Every case with its coordinate, one by one. */
export function entriesOf(cases: Cases): [coordinate: string, how: Case][] {
  return Object.entries(cases).flatMap(([coordinate, how]) =>
    (Array.isArray(how) ? (how as readonly Case[]) : [how as Case]).map((one): [string, Case] => [
      coordinate,
      one,
    ]),
  );
}

/** What is the frame of an answer and holds nothing of its own: expected failures, the edges of a page and their nodes. */
function isFrame(schema: GraphQLSchema, type: GraphQLNamedType, field: string): boolean {
  const failure = schema.getType('Error');
  if (
    isAbstractType(failure) &&
    (type === failure || (isObjectType(type) && schema.isSubType(failure, type)))
  )
    return true;
  if (type.name.endsWith('Connection')) return field === 'edges' || field === 'pageInfo';
  return type.name.endsWith('Edge') && field === 'node';
}

function idsIn(type: GraphQLInputObjectType): string[] {
  return Object.values(type.getFields())
    .filter((field) => IDS.includes(getNamedType(field.type).name))
    .map(({ name }) => `${type.name}.${name}`);
}

function reachableTypes(schema: GraphQLSchema): GraphQLNamedType[] {
  const reached = new Set<GraphQLNamedType>();
  const open = ROOTS.flatMap((name) => schema.getType(name) ?? []);
  for (let type = open.pop(); type !== undefined; type = open.pop()) {
    if (reached.has(type) || type.name.startsWith('__')) continue;
    reached.add(type);
    if (isAbstractType(type)) open.push(...schema.getPossibleTypes(type));
    if (isInputObjectType(type))
      open.push(...Object.values(type.getFields()).map((field) => named(field.type)));
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      open.push(named(field.type), ...field.args.map((argument) => named(argument.type)));
    }
  }
  return [...reached];
}

function named(type: GraphQLType): GraphQLNamedType {
  return getNamedType(type);
}
