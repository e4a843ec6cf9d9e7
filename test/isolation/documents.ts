import {
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  isUnionType,
  Kind,
  parse,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { Case } from './case.ts';

/** What the field of an edge is called in every document, wherever it is. */
export const EDGE = 'edge';
/** What the code of an expected failure is called that comes instead of an edge. */
export const REFUSAL = 'refusal';

/** How one and the same call is written. */
export const FORMS = ['variables', 'literals', 'alias', 'fragment', 'inline fragment'] as const;
export type Form = (typeof FORMS)[number];

export type Operation = 'query' | 'mutation' | 'subscription';

/** A call with its selection, and the types of its variables. */
export type Call = { operation: Operation; field: string; variables: ReadonlyMap<string, string> };

const LEAF_DEPTH = 2;

/** The call of a case, with every leaf selected of what it answers with, or of what its edge leads to. */
export function callOf(
  schema: GraphQLSchema,
  coordinate: string,
  { call, under = [], args = '' }: Case,
): Call {
  const [parent = '', member = ''] = coordinate.replace(/\(.*/, '').split('.');
  const operation = rootOf(schema, call);
  const root = rootType(schema, operation);
  const type = fieldType(root, nameOf(call));
  const isRoot = parent === root.name && member === nameOf(call);
  const only = /\((\w+)\)$/.exec(coordinate)?.[1];
  const selection = only
    ? `{ __typename ... on ${only} ${selectionOf(schema, schema.getType(only), 1)} }`
    : isRoot
      ? selectionOf(schema, type, LEAF_DEPTH)
      : pathTo(schema, { type, under, parent, field: `${EDGE}: ${member}${args}` });
  const field = `${call} ${selection}`;
  return { operation, field, variables: variablesOf(schema, operation, field) };
}

/** A call as the text of a document; `values` are what its variables stand for. */
export function render(
  { operation, field, variables }: Call,
  form: Form,
  values: Record<string, string>,
): string {
  const declared = [...variables].map(([name, type]) => `$${name}: ${type}`).join(', ');
  const head = `${operation} Called${declared && `(${declared})`}`;
  switch (form) {
    case 'variables':
      return `${head} { ${field} }`;
    case 'literals':
      return `${operation} { ${field.replaceAll(/\$(\w+)/g, (_, name) => JSON.stringify(values[name]))} }`;
    case 'alias':
      return `${head} { theirs: ${field} }`;
    case 'fragment':
      return `${head} { ...It } fragment It on ${capitalised(operation)} { ${field} }`;
    case 'inline fragment':
      return `${head} { ... on ${capitalised(operation)} { ${field} } }`;
  }
}

function pathTo(
  schema: GraphQLSchema,
  path: { type: GraphQLNamedType; under: readonly string[]; parent: string; field: string },
): string {
  const { type, under, parent, field } = path;
  if (isPage(type)) return `{ edges { node ${pathTo(schema, { ...path, type: nodeOf(type) })} } }`;
  const [step, ...rest] = under;
  if (step === undefined) {
    const target = fieldType(schema.getType(parent), /: (\w+)/.exec(field)?.[1] ?? '');
    const refusal = isUnionType(type) ? `... on Error { ${REFUSAL}: code message path }` : '';
    return `{ __typename ${refusal} ... on ${parent} { ${field} ${selectionOf(schema, target, LEAF_DEPTH)} } }`;
  }
  const [, on, name = ''] = /^(?:(\w+)\.)?(\w+)/.exec(step) ?? [];
  const at = on ? schema.getType(on) : type;
  if (!isObjectType(at) && !isInterfaceType(at)) throw new Error(`${step} needs its type: Type.${step}`);
  const next = pathTo(schema, { ...path, type: fieldType(at, name), under: rest });
  return `{ __typename ... on ${at.name} { ${step.replace(/^\w+\./, '')} ${next} } }`;
}

/** Every leaf of a type that needs no arguments, of each member of an abstract one, and of what a page lists. */
export function selectionOf(
  schema: GraphQLSchema,
  type: GraphQLNamedType | undefined,
  depth: number,
): string {
  if (!type || isLeafType(type)) return '';
  if (isAbstractType(type)) return `{ __typename ${membersOf(schema.getPossibleTypes(type))} }`;
  if (!isObjectType(type)) return '';
  if (isPage(type))
    return `{ ${leaves(type)} edges { cursor node ${selectionOf(schema, nodeOf(type), depth)} } }`;
  const own = leaves(type);
  if (own || depth === 0) return `{ __typename ${own} }`;
  const parts = Object.values(type.getFields()).filter(({ args }) => !args.some(isRequiredArgument));
  return `{ __typename ${parts.map((field) => `${field.name} ${selectionOf(schema, getNamedType(field.type), depth - 1)}`).join(' ')} }`;
}

/** The leaves of each; fields of one name and several types are told apart by aliases, as GraphQL wants it. */
function membersOf(members: readonly GraphQLObjectType[]): string {
  const types = new Map<string, Set<string>>();
  for (const member of members) {
    for (const { name, type } of leafFields(member))
      types.set(name, (types.get(name) ?? new Set()).add(String(type)));
  }
  const written = (member: GraphQLObjectType, name: string) =>
    (types.get(name)?.size ?? 0) > 1 ? `${member.name}_${name}: ${name}` : name;
  return members
    .map((member) => {
      const fields = leafFields(member).map(({ name }) => written(member, name));
      return `... on ${member.name} { __typename ${fields.join(' ')} }`;
    })
    .join(' ');
}

function leaves(type: GraphQLObjectType): string {
  return leafFields(type)
    .map(({ name }) => name)
    .join(' ');
}

function leafFields(type: GraphQLObjectType) {
  return Object.values(type.getFields()).filter(
    (field) => isLeafType(getNamedType(field.type)) && !field.args.some(isRequiredArgument),
  );
}

/** The types of a call's variables, as their places want them. */
function variablesOf(schema: GraphQLSchema, operation: Operation, field: string): Map<string, string> {
  const variables = new Map<string, string>();
  const info = new TypeInfo(schema);
  visit(
    parse(`${operation} { ${field} }`),
    visitWithTypeInfo(info, {
      // What is asked for in two places is declared as the stricter wants it.
      [Kind.VARIABLE]: ({ name }) => {
        if (!variables.get(name.value)?.endsWith('!')) variables.set(name.value, String(info.getInputType()));
      },
    }),
  );
  return variables;
}

function isPage(type: GraphQLNamedType): boolean {
  return isObjectType(type) && type.name.endsWith('Connection');
}

function nodeOf(page: GraphQLNamedType): GraphQLNamedType {
  return fieldType(fieldType(page, 'edges'), 'node');
}

function fieldType(type: GraphQLNamedType | undefined, name: string): GraphQLNamedType {
  const fields = isObjectType(type) || isInterfaceType(type) ? type.getFields() : {};
  const found = fields[name];
  if (!found) throw new Error(`there is no ${String(type)}.${name}`);
  return getNamedType(found.type);
}

function rootOf(schema: GraphQLSchema, call: string): Operation {
  const name = nameOf(call);
  for (const operation of ['query', 'mutation', 'subscription'] as const) {
    if (name in rootType(schema, operation).getFields()) return operation;
  }
  throw new Error(`there is no field ${name} to call`);
}

export function rootType(schema: GraphQLSchema, operation: Operation): GraphQLObjectType {
  const type = schema.getType(capitalised(operation));
  if (!isObjectType(type)) throw new Error(`the schema has no type for a ${operation}`);
  return type;
}

function nameOf(call: string): string {
  return /^\w+/.exec(call)?.[0] ?? '';
}

function capitalised(operation: Operation): string {
  return `${operation.charAt(0).toUpperCase()}${operation.slice(1)}`;
}
