import type { Page } from './page.ts';

/**
 * Names and descriptions of a connection's types, and its `totalCount`.
 *
 * @param name of the listed type, e.g. `Agent` for AgentConnection and AgentEdge
 * @param things the plural, for descriptions
 */
export function connectionOf(name: string, things: string) {
  return [
    {
      name: `${name}Connection`,
      description: `A page of ${things}.`,
      // biome-ignore lint/suspicious/noExplicitAny: the type of a field builder names the one connection that it is for.
      fields: (t: any) => ({
        totalCount: t.int({
          description: 'How many there are on all pages; counted only where it is asked for.',
          resolve: (page: Page) => page.totalCount(),
        }),
      }),
    },
    { name: `${name}Edge`, description: `One of the ${things}, with its place in the list.` },
  ] as const;
}
