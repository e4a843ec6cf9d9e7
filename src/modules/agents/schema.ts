import { builder } from '../../graphql/builder.ts';
import { connectionOf } from '../../graphql/connection.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { objectIn, objectsIn, outputOf } from '../../graphql/json-shapes.ts';
import { valueOrUnknown } from '../../graphql/stored-enum.ts';
import { TenantRef } from '../accounts/refs.ts';
import { tenants } from '../accounts/table.ts';
import { AgentCategory, AgentOutputType, AgentPlanningStyle } from './enums.ts';
import { AgentFilter, AgentOrder, whereAgent } from './filter.ts';
import { capabilities, executionConfig, memoryConfig, safetyConstraints, tool } from './shapes.ts';
import { agents } from './table.ts';
import { CATEGORIES, OUTPUT_TYPES, PLANNING_STYLES } from './vocabulary.ts';

const RAW = 'as it is stored, with whatever other programs have put there.';

export const AgentRef = builder.prismaNode('Agent', {
  nullable: true,
  findUnique: (id) => ({ id: uuidOrNone(id) }),
  id: { field: 'id', description: 'Its global id.', extensions: { globalIdOf: 'id' } },
  description: 'An agent’s definition. Its tenant’s admins, members and viewers see it.',
  select: { id: true },
  fields: (t) => ({
    databaseId: t.expose('id', {
      type: 'UUID',
      description: 'The row’s id, as SQL knows it; arguments take both.',
    }),
    name: t.exposeString('name', { description: 'Its name, for people.' }),
    description: t.exposeString('description', {
      nullable: true,
      description: 'What it does, for people; null where nobody said so.',
    }),
    version: t.exposeString('version', { description: 'Its semantic version, e.g. 1.4.0.' }),
    category: t.field({
      type: AgentCategory,
      description: 'What it is for.',
      select: { category: true },
      resolve: ({ category }) => valueOrUnknown(CATEGORIES, category),
    }),
    categoryText: t.exposeString('category', { description: 'The category as it is stored.' }),
    planningStyle: t.field({
      type: AgentPlanningStyle,
      description: 'How it goes about its work.',
      select: { planningStyle: true },
      resolve: ({ planningStyle }) => valueOrUnknown(PLANNING_STYLES, planningStyle),
    }),
    planningStyleText: t.exposeString('planningStyle', {
      description: 'The planning style as it is stored.',
    }),
    capabilities: t.field({
      type: outputOf(capabilities),
      nullable: true,
      description: 'What it may do; null where what is stored is no object.',
      select: { capabilities: true },
      resolve: (agent) => objectIn(agent.capabilities),
    }),
    capabilitiesJson: t.expose('capabilities', {
      type: 'JSON',
      nullable: true,
      description: `The capabilities ${RAW}`,
    }),
    tools: t.field({
      type: [outputOf(tool)],
      nullable: true,
      description: 'What it can call; null where what is stored is no list.',
      select: { tools: true },
      resolve: (agent) => objectsIn(agent.tools),
    }),
    toolsJson: t.expose('tools', { type: 'JSON', nullable: true, description: `The tools ${RAW}` }),
    executionConfig: t.field({
      type: outputOf(executionConfig),
      nullable: true,
      description: 'How it is run; null where what is stored is no object.',
      select: { executionConfig: true },
      resolve: (agent) => objectIn(agent.executionConfig),
    }),
    executionConfigJson: t.expose('executionConfig', {
      type: 'JSON',
      nullable: true,
      description: `The execution config ${RAW}`,
    }),
    memoryConfig: t.field({
      type: outputOf(memoryConfig),
      nullable: true,
      description: 'What it remembers; null where it remembers nothing.',
      select: { memoryConfig: true },
      resolve: (agent) => objectIn(agent.memoryConfig),
    }),
    memoryConfigJson: t.expose('memoryConfig', {
      type: 'JSON',
      nullable: true,
      description: `The memory config ${RAW}`,
    }),
    safetyConstraints: t.field({
      type: outputOf(safetyConstraints),
      nullable: true,
      description: 'What it must keep to; null where what is stored is no object.',
      select: { safetyConstraints: true },
      resolve: (agent) => objectIn(agent.safetyConstraints),
    }),
    safetyConstraintsJson: t.expose('safetyConstraints', {
      type: 'JSON',
      nullable: true,
      description: `The safety constraints ${RAW}`,
    }),
    validationSchema: t.expose('validationSchema', {
      type: 'JSON',
      nullable: true,
      description: 'A JSON schema that its input must match; null for none.',
    }),
    outputType: t.field({
      type: AgentOutputType,
      description: 'What its output is.',
      select: { outputType: true },
      resolve: ({ outputType }) => valueOrUnknown(OUTPUT_TYPES, outputType),
    }),
    outputTypeText: t.exposeString('outputType', { description: 'The output type as it is stored.' }),
    outputSchema: t.expose('outputSchema', {
      type: 'JSON',
      nullable: true,
      description: 'A JSON schema that its output matches; null for none.',
    }),
    enabled: t.exposeBoolean('enabled', { description: 'Whether it can be run.' }),
    deprecated: t.exposeBoolean('deprecated', { description: 'Whether it should not be used any more.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'When it last changed; `ifUpdatedAt` of the mutations takes it.',
    }),
    createdBy: t.expose('createdBy', {
      type: 'UUID',
      nullable: true,
      description: 'The account that made it; null where that is not known.',
    }),
    isMine: t.boolean({
      description: 'Whether the caller has made it, and so may delete it as a member.',
      select: { createdBy: true },
      resolve: ({ createdBy }, _args, { identity }) =>
        createdBy !== null && createdBy === identity.claims.sub,
    }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: 'Whose it is; null for none, which only the service role sees.',
      select: { tenantId: true },
      resolve: ({ tenantId }, _args, context, info) => tenants.one(context, info, tenantId),
    }),
  }),
});

const [page, edge] = connectionOf('Agent', 'agents');
export const AgentConnection = builder.connectionObject({ type: AgentRef, ...page }, edge);

builder.queryField('agent', (t) =>
  t.field({
    type: AgentRef,
    nullable: true,
    description: 'An agent by its id; null where there is none that the caller may see.',
    args: { id: t.arg.id({ required: true, description: 'Global id or row id.' }) },
    resolve: (_root, { id }, context, info) => {
      assertSignedIn(context);
      return agents.one(context, info, rowId('Agent', id));
    },
  }),
);

builder.queryField('agents', (t) =>
  t.connection(
    {
      type: AgentRef,
      description:
        'The agents of the caller’s tenants, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: AgentFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: AgentOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: (_root, args, context, info) => {
        assertSignedIn(context);
        return agents.page(context, info, args, whereAgent(args.filter, context.identity.claims.sub));
      },
    },
    AgentConnection,
  ),
);
