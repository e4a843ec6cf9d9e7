/** A tab that the playground opens with. */
export type Example = { query: string; variables?: Record<string, unknown> };

const HEADERS = JSON.stringify({ authorization: 'Bearer ' }, null, 2);

/**
 * GraphiQL as one page that asks no other host for anything. Its renderer is a module of 9 MB, so it is loaded when
 * somebody opens the playground, not when the server starts.
 */
export async function renderPlayground(examples: readonly Example[]): Promise<string> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const page = renderGraphiQL({
    title: 'Runcast',
    // Over a WebSocket it would not send what the headers pane says, so nobody could be authorised.
    subscriptionsProtocol: 'SSE',
    defaultHeaders: HEADERS,
    defaultEditorToolsVisibility: 'headers',
    defaultTabs: examples.map(({ query, variables }) => ({
      query,
      headers: HEADERS,
      variables: variables ? JSON.stringify(variables, null, 2) : null,
    })),
  });
  return String(page);
}
