import {
  type DocumentNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
} from 'graphql';

/**
 * The one root field of a subscription says what it follows, so it stands without @skip and @include, as the GraphQL
 * specification has it since September 2025. graphql-js 16 lets them through where they are constant, and throws where they
 * are not.
 *
 * @throws {GraphQLError} that names the directive
 */
export function assertSubscriptionRoot(document: DocumentNode, operation: OperationDefinitionNode): void {
  if (operation.operation !== 'subscription') return;
  const fragments = new Map<string, readonly SelectionNode[]>();
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.FRAGMENT_DEFINITION) continue;
    fragments.set(definition.name.value, definition.selectionSet.selections);
  }
  const waiting = [...operation.selectionSet.selections];
  for (const selection of waiting) {
    assertUnconditional(selection);
    if (selection.kind === Kind.INLINE_FRAGMENT) waiting.push(...selection.selectionSet.selections);
    if (selection.kind !== Kind.FRAGMENT_SPREAD) continue;
    const { value: name } = selection.name;
    waiting.push(...(fragments.get(name) ?? []));
    // Once each: they may be spread in a circle, which validation is about to say.
    fragments.delete(name);
  }
}

function assertUnconditional({ directives = [] }: SelectionNode): void {
  const found = directives.find(({ name }) => name.value === 'skip' || name.value === 'include');
  if (!found) return;
  const message = `@${found.name.value} cannot decide over what a subscription follows: subscribe, or do not.`;
  throw new GraphQLError(message, { nodes: found });
}
