import {
  type FieldNode,
  type GraphQLNamedType,
  type GraphQLResolveInfo,
  getNamedType,
  isAbstractType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql';

/** What each field of a document was found to need, by the type that was looked for. */
const found = new WeakMap<FieldNode, Map<string, readonly string[]>>();

/**
 * The model's fields that a field's selection needs of the rows of a type, wherever below it they stand: in
 * `edges { node { … } }`, in a fragment, or in the field itself. Told by what the type's fields state as their `select`.
 * Fields under `@skip` and `@include` count, so it depends on nothing but the document and is found once for each.
 */
export function selectedFields(info: GraphQLResolveInfo, typename: string): readonly string[] {
  const [node, ...others] = info.fieldNodes;
  if (!node || others.length > 0) return findAll(info, typename);
  const ofNode = found.get(node) ?? new Map<string, readonly string[]>();
  found.set(node, ofNode);
  const known = ofNode.get(typename);
  if (known) return known;
  const fields = findAll(info, typename);
  ofNode.set(typename, fields);
  return fields;
}

function findAll(info: GraphQLResolveInfo, typename: string): readonly string[] {
  const fields = new Set<string>();
  const type = getNamedType(info.returnType);
  for (const { selectionSet } of info.fieldNodes) {
    if (selectionSet) find(info, type, selectionSet, typename, fields);
  }
  return [...fields];
}

function find(
  info: GraphQLResolveInfo,
  type: GraphQLNamedType,
  { selections }: SelectionSetNode,
  typename: string,
  fields: Set<string>,
): void {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      findInField(info, type, selection, typename, fields);
      continue;
    }
    const fragment =
      selection.kind === Kind.FRAGMENT_SPREAD ? info.fragments[selection.name.value] : selection;
    const condition = fragment?.typeCondition?.name.value;
    const narrowed = condition === undefined ? type : info.schema.getType(condition);
    if (fragment && narrowed)
      find(info, concrete(info, narrowed, typename), fragment.selectionSet, typename, fields);
  }
}

function findInField(
  info: GraphQLResolveInfo,
  type: GraphQLNamedType,
  { name, selectionSet }: FieldNode,
  typename: string,
  fields: Set<string>,
): void {
  const field = isObjectType(type) ? type.getFields()[name.value] : undefined;
  if (!field) return;
  if (type.name === typename) {
    const { pothosPrismaSelect, globalIdOf } = field.extensions;
    if (typeof globalIdOf === 'string') fields.add(globalIdOf);
    if (typeof pothosPrismaSelect !== 'object' || pothosPrismaSelect === null) return;
    for (const [column, isWanted] of Object.entries(pothosPrismaSelect)) {
      if (isWanted === true) fields.add(column);
    }
    return;
  }
  if (selectionSet) find(info, getNamedType(field.type), selectionSet, typename, fields);
}

/** The type that is looked for, where a fragment's condition holds for it. */
function concrete(info: GraphQLResolveInfo, type: GraphQLNamedType, typename: string): GraphQLNamedType {
  const wanted = info.schema.getType(typename);
  return isAbstractType(type) && isObjectType(wanted) && info.schema.isSubType(type, wanted) ? wanted : type;
}
