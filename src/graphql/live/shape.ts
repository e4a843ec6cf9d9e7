import {
  type DocumentNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  getOperationAST,
  isAbstractType,
  Kind,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';

/** What a subscription's document says about who can share its execution. */
export type Shape = {
  /** Tells documents apart. */
  readonly number: number;
  /** Whether the answer is the same for everybody who may see what is followed. */
  readonly isSameForAll: boolean;
  /** The variable that holds the cursor and nothing else; subscribers may differ in it. */
  readonly cursorVariable: string | undefined;
};

/**
 * Reads documents once. The schema says by field extensions what may be shared: `carriesData` on a subscription's field
 * whose events hold all that can be asked of them, `perViewer` on a field below it that depends on who asks all the same,
 * and `cursor`, the name of its argument that says where to begin. What is marked by nothing is per viewer.
 */
export function createShapes(schema: GraphQLSchema): (document: DocumentNode, name?: string | null) => Shape {
  const known = new WeakMap<OperationDefinitionNode, Shape>();
  let count = 0;
  return (document, name) => {
    const operation = getOperationAST(document, name);
    if (!operation) throw new Error('an operation that was validated is not in its document');
    const seen = known.get(operation);
    if (seen) return seen;
    count += 1;
    const shape = { number: count, ...read(schema, document, operation) };
    known.set(operation, shape);
    return shape;
  };
}

function read(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) {
  const roots = new Set<GraphQLField<unknown, unknown>>();
  const uses = new Map<string, number>();
  const cursors = new Set<string>();
  let isSameForAll = true;
  const types = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(types, {
      VariableDefinition: () => false,
      Variable: ({ name }) => void uses.set(name.value, (uses.get(name.value) ?? 0) + 1),
      Argument: ({ name, value }) => {
        const isCursor = types.getFieldDef()?.extensions.cursor === name.value;
        if (isCursor && value.kind === Kind.VARIABLE) cursors.add(value.name.value);
      },
      Field: ({ name }) => {
        const [field, parent] = [types.getFieldDef(), types.getParentType()];
        if (field && parent === schema.getSubscriptionType()) roots.add(field);
        if (parent && resolvedIn(schema, parent).some((type) => isPerViewer(type, name.value))) {
          isSameForAll = false;
        }
      },
    }),
  );
  for (const { extensions } of roots) if (extensions.carriesData !== true) isSameForAll = false;
  const declared = operation.variableDefinitions?.map(({ variable }) => variable.name.value) ?? [];
  const cursorVariable = declared.find((name) => cursors.has(name) && uses.get(name) === 1);
  return { isSameForAll, cursorVariable };
}

/** A field of an interface is resolved as its objects say. */
function resolvedIn(schema: GraphQLSchema, parent: GraphQLCompositeType): readonly GraphQLCompositeType[] {
  return isAbstractType(parent) ? [parent, ...schema.getPossibleTypes(parent)] : [parent];
}

function isPerViewer(type: GraphQLCompositeType, name: string): boolean {
  return 'getFields' in type && type.getFields()[name]?.extensions.perViewer === true;
}
