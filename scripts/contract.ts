import { type Change, CriticalityLevel, diff } from '@graphql-inspector/core';
import {
  buildASTSchema,
  type DocumentNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  Kind,
  parse,
  visit,
} from 'graphql';

/** How long clients have between a deprecation and the removal of what is deprecated: a quarter. */
export const GRACE_DAYS = 90;

const DAY_MS = 86_400_000;
const DEPRECATION = /^since (\d{4}-\d{2}-\d{2}): \S/;

/** Whatever of a schema can carry a description or a deprecation, by its coordinate, e.g. `Query.node(id:)`. */
type Element = { coordinate: string; description?: unknown; deprecationReason?: unknown };

/** A change that breaks clients, by its coordinate as docs/api/breaking-changes.md names it. */
export type Breaking = { coordinate: string; message: string };

/** Coordinates of what has no description. */
export function undescribed(schema: GraphQLSchema): string[] {
  return elementsOf(schema).flatMap(({ coordinate, description }) =>
    typeof description === 'string' && description.trim() ? [] : [coordinate],
  );
}

/** One sentence for every deprecation that does not say since when and what to use instead. */
export function badDeprecations(schema: GraphQLSchema, today: Date): string[] {
  return elementsOf(schema).flatMap(({ coordinate, deprecationReason: reason }) => {
    if (typeof reason !== 'string') return [];
    const since = deprecatedSince(reason);
    if (since && since.getTime() <= today.getTime()) return [];
    return [`${coordinate} is deprecated with "${reason}": write "since 2026-11-22: what to use instead."`];
  });
}

/**
 * What a client of the released schema can no longer do. What the release deprecated is not promised for longer than
 * GRACE_DAYS, nor is a type that is only reachable through it.
 *
 * @param released the last release's SDL
 */
export async function breakingChanges(
  released: string,
  current: GraphQLSchema,
  today: Date,
): Promise<Breaking[]> {
  const changes = await diff(promised(released, today), current);
  return changes.filter(isBreaking).map(({ path, message, type }) => ({ coordinate: path ?? type, message }));
}

function isBreaking({ criticality }: Change): boolean {
  return criticality.level === CriticalityLevel.Breaking;
}

function promised(released: string, today: Date): GraphQLSchema {
  const unlessExpired = (node: { directives?: DocumentNode['definitions'][number]['directives'] }) =>
    hasExpired(node.directives, today) ? null : undefined;
  const kept = visit(parse(released), {
    FieldDefinition: unlessExpired,
    InputValueDefinition: unlessExpired,
    EnumValueDefinition: unlessExpired,
  });
  const reachable = reachableTypes(kept);
  return buildASTSchema({
    ...kept,
    definitions: kept.definitions.filter(
      (node) => !('name' in node) || node.name === undefined || reachable.has(node.name.value),
    ),
  });
}

function hasExpired(directives: DocumentNode['definitions'][number]['directives'], today: Date): boolean {
  const reason = directives
    ?.find(({ name }) => name.value === 'deprecated')
    ?.arguments?.find(({ name }) => name.value === 'reason')?.value;
  const since = reason?.kind === Kind.STRING ? deprecatedSince(reason.value) : undefined;
  return since !== undefined && today.getTime() - since.getTime() >= GRACE_DAYS * DAY_MS;
}

function deprecatedSince(reason: string): Date | undefined {
  const day = DEPRECATION.exec(reason)?.[1];
  const since = new Date(`${day}T00:00:00Z`);
  return Number.isNaN(since.getTime()) ? undefined : since;
}

/** Names that a client can reach from the root types; implementations are reached through their interface. */
function reachableTypes(document: DocumentNode): Set<string> {
  const named = new Map<string, Set<string>>();
  const uses = (name: string) => {
    const used = named.get(name) ?? new Set<string>();
    named.set(name, used);
    return used;
  };
  for (const node of document.definitions) {
    if (!('name' in node) || node.name === undefined) continue;
    const own = node.name.value;
    visit(node, { NamedType: (type) => void uses(own).add(type.name.value) });
    if ('interfaces' in node) {
      for (const implemented of node.interfaces ?? []) uses(implemented.name.value).add(own);
    }
  }
  const reached = new Set<string>();
  const open = ['Query', 'Mutation', 'Subscription'];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    open.push(...uses(name));
  }
  return reached;
}

function elementsOf(schema: GraphQLSchema): Element[] {
  return Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type))
    .flatMap((type) => [{ coordinate: type.name, description: type.description }, ...partsOf(type)]);
}

function partsOf(type: GraphQLNamedType): Element[] {
  const at = (part: { name: string }) => ({ ...part, coordinate: `${type.name}.${part.name}` });
  if (isEnumType(type)) return type.getValues().map(at);
  if (isInputObjectType(type)) return Object.values(type.getFields()).map(at);
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  return Object.values(type.getFields()).flatMap((field) => [
    at(field),
    ...field.args.map((arg) => ({ ...arg, coordinate: `${type.name}.${field.name}(${arg.name}:)` })),
  ]);
}
