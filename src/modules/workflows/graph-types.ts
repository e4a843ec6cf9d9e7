import { builder } from '../../graphql/builder.ts';
import { plainEnum, UNKNOWN, valueOrUnknown } from '../../graphql/stored-enum.ts';
import { STEP_TYPES } from '../steps/vocabulary.ts';
import { WorkflowStepType } from './enums.ts';
import { EDGE_KINDS, type Flow, type FlowEdge, type FlowNode } from './flow/flow.ts';

const EdgeKindEnum = plainEnum('WorkflowEdgeKind', 'When one step follows another.', EDGE_KINDS);

const GraphNode = builder.objectRef<FlowNode>('WorkflowGraphNode').implement({
  description: 'A step, for drawing.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'The step’s id.' }),
    name: t.exposeString('name', { description: 'The step’s name, or else its id.' }),
    type: t.field({
      type: WorkflowStepType,
      description: 'What it does.',
      resolve: ({ type }) => (type === '' ? UNKNOWN : valueOrUnknown(STEP_TYPES, type)),
    }),
    typeText: t.exposeString('type', { description: 'The type as it is stored; empty where there is none.' }),
    isStart: t.exposeBoolean('isStart', { description: 'Whether executions begin with it.' }),
    isReachable: t.exposeBoolean('isReachable', {
      description: 'Whether anything leads to it from the start.',
    }),
  }),
});

const GraphEdge = builder.objectRef<FlowEdge>('WorkflowGraphEdge').implement({
  description: 'A way from one step to another.',
  fields: (t) => ({
    from: t.exposeID('from', { description: 'The id of the step that it leaves.' }),
    to: t.exposeID('to', { description: 'The id of the step that it leads to.' }),
    kind: t.expose('kind', { type: EdgeKindEnum, description: 'When it is taken.' }),
  }),
});

export const WorkflowGraphRef = builder.objectRef<Flow>('WorkflowGraph').implement({
  description:
    'The flow of a workflow for drawing: steps as nodes, and an edge from each to every step that may follow. Made of at ' +
    'most 200 steps.',
  fields: (t) => ({
    nodes: t.expose('nodes', { type: [GraphNode], description: 'The steps, as the definition lists them.' }),
    edges: t.expose('edges', { type: [GraphEdge], description: 'The ways between them.' }),
  }),
});
