import fastify, { type FastifyRequest } from 'fastify';
import { GraphQLScalarType } from 'graphql';
import mercurius, { type IResolvers, type MercuriusContext } from 'mercurius';
import pg from 'pg';
import { claimsOf } from '../../src/graphql/authorization.ts';
import { type ClaimsSetting, claimsSetting, SET_VIEWER } from '../../src/platform/db/claims.ts';
import { processOptions, underLoad } from '../process.ts';

/** Fastify and Mercurius as their documentation sets them up, with SQL by hand: the usual transaction around each. */
const { url, poolSize, verify } = processOptions();
const pool = new pg.Pool({ connectionString: url, max: poolSize });

type Statement = { name: string; text: string; values: unknown[] };
type Row = Record<string, unknown>;

/** One step after another, as `pg` and every guide to row-level security have it. */
async function rows(viewer: ClaimsSetting, statement: Statement): Promise<Row[]> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query({ name: 'viewer', text: SET_VIEWER, values: [...viewer] });
    const result = await client.query(statement);
    await client.query('commit');
    client.release();
    return result.rows;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

const schema = `
  scalar DateTime
  type Query {
    trainingExecutions(first: Int!): TrainingExecutionConnection!
    trainingExecution(id: ID!): TrainingExecution
    agents(first: Int!): AgentConnection!
  }
  type TrainingExecutionConnection { edges: [TrainingExecutionEdge!]! }
  type TrainingExecutionEdge { node: TrainingExecution! }
  type TrainingExecution {
    id: ID!
    publicId: String!
    status: String!
    progress: Int!
    provider: String!
    createdAt: DateTime!
  }
  type AgentConnection { edges: [AgentEdge!]! }
  type AgentEdge { node: Agent! }
  type Agent {
    id: ID!
    name: String!
    executions(first: Int!): AgentExecutionConnection!
  }
  type AgentExecutionConnection { edges: [AgentExecutionEdge!]! }
  type AgentExecutionEdge { node: AgentExecution! }
  type AgentExecution { id: ID! status: String! startedAt: DateTime! }
`;

const RUN = 'id, public_id as "publicId", status, progress, provider, created_at as "createdAt"';

const connection = (nodes: readonly Row[]) => ({ edges: nodes.map((node) => ({ node })) });

const resolvers: IResolvers = {
  DateTime: new GraphQLScalarType<unknown, string>({
    name: 'DateTime',
    serialize: (value) => (value instanceof Date ? value.toISOString() : String(value)),
  }),
  Query: {
    trainingExecutions: async (_root, { first }, { viewer }) =>
      connection(
        await rows(viewer, {
          name: 'runs',
          text: `select ${RUN} from public.training_executions order by created_at desc, id desc limit $1`,
          values: [first],
        }),
      ),
    trainingExecution: async (_root, { id }, { viewer }) => {
      const [row] = await rows(viewer, {
        name: 'run',
        text: `select ${RUN} from public.training_executions where id = $1`,
        values: [id],
      });
      return row ?? null;
    },
    agents: async (_root, { first }, { viewer }) =>
      connection(
        await rows(viewer, {
          name: 'agents',
          text: 'select id, name from public.agents order by created_at desc, id desc limit $1',
          values: [first],
        }),
      ),
  },
};

/** One statement for all agents of the list. Each level has its transaction, as each resolver does. */
const loaders = {
  Agent: {
    async executions(
      queries: { obj: Row; params: { first: number } }[],
      { viewer }: MercuriusContext,
    ): Promise<unknown[]> {
      const found = await rows(viewer, {
        name: 'executions',
        text: `select e.agent_id, e.id, e.status, e.started_at as "startedAt"
          from unnest($1::uuid[]) as a(id) cross join lateral (
            select agent_id, id, status, started_at from public.agent_executions
            where agent_id = a.id order by started_at desc, id desc limit $2
          ) e`,
        values: [queries.map(({ obj }) => obj.id), Math.max(...queries.map(({ params }) => params.first))],
      });
      const byAgent = Map.groupBy(found, (row) => row.agent_id);
      return queries.map(({ obj, params }) => connection((byAgent.get(obj.id) ?? []).slice(0, params.first)));
    },
  },
};

declare module 'mercurius' {
  interface MercuriusContext {
    viewer: ClaimsSetting;
  }
}

const app = fastify();
await app.register(mercurius, {
  schema,
  resolvers,
  loaders,
  jit: 1,
  context: async (request: FastifyRequest) => ({
    viewer: claimsSetting(await claimsOf(request.headers.authorization, verify)),
  }),
});
await app.listen({ host: '127.0.0.1', port: 0 });
await underLoad(app.server);
