import { builder } from '../../graphql/builder.ts';
import { WorkflowExecutionConnection, WorkflowExecutionRef } from './execution-types.ts';
import {
  WorkflowExecutionFilter,
  WorkflowExecutionOrder,
  WorkflowFilter,
  WorkflowOrder,
  whereExecution,
  whereWorkflow,
} from './filter.ts';
import { WorkflowConnection, WorkflowRef } from './schema.ts';
import { workflowExecutions, workflows } from './table.ts';

builder.prismaObjectFields('Tenant', (t) => ({
  workflows: t.connection(
    {
      type: WorkflowRef,
      description: 'Its workflows, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: WorkflowFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({ type: WorkflowOrder, description: 'In which order; default: newest first.' }),
      },
      resolve: ({ id }, args, context, info) => {
        const where = whereWorkflow(args.filter, context.identity.claims.sub);
        return workflows.pageOf({ tenantId: id }, context, info, args, where);
      },
    },
    WorkflowConnection,
  ),
  workflowExecutions: t.connection(
    {
      type: WorkflowExecutionRef,
      description:
        'The caller’s runs of workflows for it, newest first unless ordered otherwise. Pages of at most 100.',
      args: {
        filter: t.arg({ type: WorkflowExecutionFilter, description: 'Which ones; default: all.' }),
        orderBy: t.arg({
          type: WorkflowExecutionOrder,
          description: 'In which order; default: newest first.',
        }),
      },
      resolve: ({ id }, args, context, info) =>
        workflowExecutions.pageOf({ tenantId: id }, context, info, args, whereExecution(args.filter ?? {})),
    },
    WorkflowExecutionConnection,
  ),
}));
