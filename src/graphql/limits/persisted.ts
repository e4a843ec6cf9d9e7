import type { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { refusal } from './refusals.ts';

export type PersistedOptions = {
  /** Text by the sha256 of the text, in hexadecimal digits. */
  operations: ReadonlyMap<string, string>;
  /** Whether these are all that is run. */
  only: boolean;
};

/** Of a request, whatever transport brought it. */
export type Named = { query?: unknown; documentId?: unknown; extensions?: unknown };

/**
 * What is to be run: the query itself, or the text that `documentId` (`sha256:<hex>`, or the digits alone) or Apollo's
 * `extensions.persistedQuery.sha256Hash` names. An id that is known wins over a text beside it.
 */
export type Persisted = (named: Named) => { query: unknown } | GraphQLError;

export function createPersisted({ operations, only }: PersistedOptions): Persisted {
  const texts = new Set<unknown>(only ? operations.values() : []);
  return ({ query, documentId, extensions }) => {
    const id = idOf(documentId) ?? apolloIdOf(extensions);
    const known = id === undefined ? undefined : operations.get(id);
    if (known !== undefined) return { query: known };
    const isAbsent = query === undefined || query === null || query === '';
    if (id !== undefined && isAbsent) {
      return refusal('PERSISTED_QUERY_NOT_FOUND', 'No persisted operation has this id.');
    }
    if (only && !isAbsent && !texts.has(query)) {
      return refusal('PERSISTED_ONLY', 'This server runs persisted operations only: send a documentId.', {
        http: { status: 403 },
      });
    }
    return { query };
  };
}

function idOf(documentId: unknown): string | undefined {
  return typeof documentId === 'string' ? documentId.replace(/^sha256:/, '').toLowerCase() : undefined;
}

function apolloIdOf(extensions: unknown): string | undefined {
  const persisted = property(extensions, 'persistedQuery');
  return idOf(property(persisted, 'sha256Hash'));
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** For Yoga's HTTP layer, which does not know `documentId` in a URL. */
export function persistedOverHttp(persisted: Persisted): Plugin {
  return {
    onParams({ params, setParams, request }) {
      const documentId =
        request.method === 'GET'
          ? new URL(request.url).searchParams.get('documentId')
          : property(params, 'documentId');
      const found = persisted({ query: params.query, documentId, extensions: params.extensions });
      if (found instanceof Error) throw found;
      if (typeof found.query === 'string' && found.query !== params.query) {
        setParams({ ...params, query: found.query });
      }
    },
  };
}
