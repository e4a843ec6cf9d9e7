import {
  BREAK,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  type InlineFragmentNode,
  isAbstractType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  TypeInfo,
  typeFromAST,
  visit,
  visitWithTypeInfo,
} from 'graphql';

/** A document with one of its operations, and its fragments by name. */
export type Document = {
  schema: GraphQLSchema;
  operation: OperationDefinitionNode;
  fragments: Record<string, FragmentDefinitionNode>;
};

/** Fields of one object that are answered under the same key. */
export type FieldNodes = [FieldNode, ...FieldNode[]];

/** Whether a document has no directives and no introspection, and no key that objects keep for themselves. */
export function isPlainDocument(schema: GraphQLSchema, document: DocumentNode): boolean {
  let isPlain = true;
  const refuse = () => {
    isPlain = false;
    return BREAK;
  };
  const types = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(types, {
      Directive: refuse,
      Field: ({ name, alias }) => {
        const isKnown = types.getType() && types.getParentType();
        // As a key of an object it would be its prototype.
        const isIntrospection = name.value.startsWith('__') && name.value !== '__typename';
        return isKnown && !isIntrospection && alias?.value !== '__proto__' ? undefined : refuse();
      },
    }),
  );
  return isPlain;
}

/** What is selected of an object of a type, by the key of the answer. */
export function selectedOf(
  document: Document,
  type: GraphQLObjectType,
  sets: readonly SelectionSetNode[],
): Map<string, FieldNodes> {
  const selected = new Map<string, FieldNodes>();
  const visited = new Set<string>();
  for (const set of sets) collect(document, type, set, selected, visited);
  return selected;
}

function collect(
  document: Document,
  type: GraphQLObjectType,
  { selections }: SelectionSetNode,
  selected: Map<string, FieldNodes>,
  visited: Set<string>,
): void {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      const nodes = selected.get(keyOf(selection));
      if (nodes) nodes.push(selection);
      else selected.set(keyOf(selection), [selection]);
      continue;
    }
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      if (visited.has(selection.name.value)) continue;
      visited.add(selection.name.value);
    }
    const fragment =
      selection.kind === Kind.FRAGMENT_SPREAD ? document.fragments[selection.name.value] : selection;
    if (fragment && isOf(document.schema, type, fragment)) {
      collect(document, type, fragment.selectionSet, selected, visited);
    }
  }
}

function isOf(
  schema: GraphQLSchema,
  type: GraphQLObjectType,
  { typeCondition }: FragmentDefinitionNode | InlineFragmentNode,
): boolean {
  if (!typeCondition) return true;
  const wanted = typeFromAST(schema, typeCondition);
  return wanted === type || (isAbstractType(wanted) && schema.isSubType(wanted, type));
}

export function keyOf({ alias, name }: FieldNode): string {
  return (alias ?? name).value;
}
