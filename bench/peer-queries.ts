import type { Question } from './race.ts';
import { NEWEST_RUNS, STATUS_OF_ONE_RUN } from './training-queries.ts';
import type { User } from './users.ts';

export type Peer = 'ours' | 'postgraphile' | 'mercurius';

type Asked = {
  name: string;
  /** The same fields by the same names, by aliases where a peer calls them differently. */
  documents: Readonly<Record<Peer, string>>;
  variables(user: string, at: number): object;
  /** How many nodes the answer must have, so that empty answers are not taken for agreement. */
  nodes: number;
};

const newestRuns: Asked = {
  name: '20 newest runs',
  documents: {
    ours: NEWEST_RUNS,
    postgraphile: `query Runs($first: Int!) {
      trainingExecutions: allTrainingExecutions(first: $first, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) {
        edges { node { id databaseId: rowId publicId status progress provider createdAt } }
      }
    }`,
    mercurius: `query Runs($first: Int!) {
      trainingExecutions(first: $first) {
        edges { node { id databaseId: id publicId status progress provider createdAt } }
      }
    }`,
  },
  variables: () => ({ first: 20 }),
  nodes: 20,
};

const agentsWithExecutions: Asked = {
  name: '20 agents with 5 executions each',
  documents: {
    ours: `query Agents {
      agents(first: 20) {
        edges { node { id name executions(first: 5) { edges { node { id status startedAt } } } } }
      }
    }`,
    postgraphile: `query Agents {
      agents: allAgents(first: 20, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) {
        edges { node { id name
          executions: agentExecutionsByAgentId(first: 5, orderBy: [STARTED_AT_DESC, ROW_ID_DESC]) {
            edges { node { id status startedAt } }
          }
        } }
      }
    }`,
    mercurius: `query Agents {
      agents(first: 20) {
        edges { node { id name executions(first: 5) { edges { node { id status startedAt } } } } }
      }
    }`,
  },
  variables: () => ({}),
  nodes: 20 + 20 * 5,
};

const statusOfOneRun = (runs: number): Asked => ({
  name: 'status of one run',
  documents: {
    ours: STATUS_OF_ONE_RUN,
    postgraphile:
      'query Run($id: String!) { trainingExecution: trainingExecutionByRowId(rowId: $id) { status progress } }',
    mercurius: STATUS_OF_ONE_RUN,
  },
  variables: (user, at) => ({ id: `exec_${user}_${at % runs}` }),
  nodes: 0,
});

export function questions(users: readonly User[], runs: number): Question<Peer>[] {
  return [newestRuns, agentsWithExecutions, statusOfOneRun(runs)].map(
    ({ name, documents, variables, nodes }) => {
      const requests = (query: string) =>
        users.map(({ id, token }, at) => ({
          token,
          json: JSON.stringify({ query, variables: variables(id, at) }),
        }));
      return {
        name,
        requests: {
          ours: requests(documents.ours),
          postgraphile: requests(documents.postgraphile),
          mercurius: requests(documents.mercurius),
        },
        understand: (answer) => shared(answer, nodes),
      };
    },
  );
}

/** An answer with row ids, stored values and moments in milliseconds, whatever a peer makes of them. */
function shared(answer: string, nodes: number): unknown {
  let counted = 0;
  const value = JSON.parse(answer, (key, part) => {
    if (key === 'node') counted += 1;
    if (typeof part !== 'string') return part;
    if (key === 'id') return rowIdOf(part);
    if (key === 'status' || key === 'provider') return part.toLowerCase();
    return key.endsWith('At') ? new Date(part).toISOString() : part;
  });
  if (value.errors || counted !== nodes) throw new Error(`Not the answer asked for: ${answer}`);
  return value;
}

/** Out of our global id, PostGraphile's (JSON of type and keys), or a row id as it is. */
function rowIdOf(id: string): string {
  const decoded = Buffer.from(id, 'base64').toString('utf8');
  if (decoded.startsWith('[')) return JSON.parse(decoded).at(-1);
  return /^[A-Z][A-Za-z]*:(.+)$/.exec(decoded)?.[1] ?? id;
}
