import { builder } from '../../graphql/builder.ts';
import { assertSignedIn } from '../../graphql/context.ts';
import { FieldFaultRef } from '../../graphql/error-types.ts';
import { badInput, type FieldFault } from '../../graphql/errors.ts';
import { rowId, uuidOrNone } from '../../graphql/ids.ts';
import { inputOf } from '../../graphql/json-shapes.ts';
import { storedDefinition } from './definition-inputs.ts';
import { flowOf } from './flow/flow.ts';
import { WorkflowGraphRef } from './graph-types.ts';
import { definitionInput } from './inputs.ts';
import { faultsOf } from './service.ts';

const Validation = builder.objectRef<readonly FieldFault[]>('WorkflowValidation').implement({
  description: 'What is wrong with a definition.',
  fields: (t) => ({
    isValid: t.boolean({
      description: 'Whether a workflow can be made of it.',
      resolve: (faults) => faults.length === 0,
    }),
    faults: t.field({
      type: [FieldFaultRef],
      description:
        'Every fault, with where it is; faults in a step name the step. Those of how steps hang together come once single ' +
        'values are right.',
      resolve: (faults) => [...faults],
    }),
  }),
});

const definition = inputOf(definitionInput);

builder.queryFields((t) => ({
  validateWorkflow: t.field({
    type: Validation,
    description: 'What `createWorkflow` would say to a definition; nothing is written.',
    args: { input: t.arg({ type: definition, required: true, description: 'The definition.' }) },
    resolve: (_root, { input }, context) => {
      assertSignedIn(context);
      return faultsOf(context.db, input);
    },
  }),
  workflowGraph: t.field({
    type: WorkflowGraphRef,
    nullable: true,
    description:
      'The flow of a workflow, or of a definition that is being edited, valid or not; null where there is no such ' +
      'workflow that the caller may see.',
    args: {
      id: t.arg.id({ description: 'Of this workflow: global id or row id.' }),
      definition: t.arg({ type: definition, description: 'Of this definition.' }),
    },
    resolve: async (_root, args, context) => {
      assertSignedIn(context);
      if ((args.id == null) === (args.definition == null)) {
        throw badInput('Give either `id` or `definition`.');
      }
      if (args.definition != null) {
        const { startStepId, steps } = storedDefinition(definitionInput, args.definition);
        return flowOf({ startStepId: String(startStepId ?? ''), steps });
      }
      const id = uuidOrNone(rowId('Workflow', args.id ?? ''));
      const select = { startStepId: true, steps: true } as const;
      const workflow = await context.db.prisma.workflow.findUnique({ where: { id }, select });
      return workflow && flowOf(workflow);
    },
  }),
}));
