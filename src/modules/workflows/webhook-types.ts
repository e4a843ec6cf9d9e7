import { createBatch } from '../../graphql/batch.ts';
import { builder } from '../../graphql/builder.ts';
import { assertSignedIn, type Context, perLease } from '../../graphql/context.ts';
import {
  ConflictError,
  ForbiddenError,
  NotConfiguredError,
  NotFoundError,
  UnauthenticatedError,
} from '../../graphql/errors.ts';
import { rowId } from '../../graphql/ids.ts';
import { objectIn } from '../../graphql/json-shapes.ts';
import { WorkflowRef } from './schema.ts';
import { workflows } from './table.ts';
import { webhookPath } from './triggers/webhook-endpoint.ts';
import type { WebhookSecrets } from './triggers/webhook-secret.ts';
import { loadRotations } from './triggers/webhook-sql.ts';

declare module '../../graphql/context.ts' {
  interface Services {
    webhooks: WebhookSecrets;
    /** Where others reach this server; without a slash at its end. */
    publicUrl: string;
  }
}

type Hook = { workflowId: string; path: string };

const rotations = ({ db }: Context) => createBatch((ids) => loadRotations(db.sql, ids));
const rotationOf = (context: Context, { workflowId }: Hook) => perLease(context, rotations)(workflowId);

const WorkflowWebhookRef = builder.objectRef<Hook>('WorkflowWebhook').implement({
  description:
    'Where requests start a workflow. They are signed by the Standard Webhooks scheme; docs/triggers.md says how.',
  fields: (t) => ({
    url: t.string({
      description: 'The address, whole.',
      resolve: ({ workflowId, path }, _args, { services }) =>
        services.publicUrl + webhookPath(workflowId, path),
    }),
    path: t.string({
      description: 'The address without the server’s.',
      resolve: ({ workflowId, path }) => webhookPath(workflowId, path),
    }),
    hasSecret: t.boolean({
      description: 'Whether a secret was made; without one every request is refused.',
      resolve: async (hook, _args, context) => (await rotationOf(context, hook)) !== undefined,
    }),
    rotatedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the secret was made; null for none.',
      resolve: async (hook, _args, context) => (await rotationOf(context, hook)) ?? null,
    }),
  }),
});

builder.prismaObjectField(WorkflowRef, 'webhook', (t) =>
  t.field({
    type: WorkflowWebhookRef,
    nullable: true,
    description: 'Where requests start it; null where its trigger is no webhook.',
    select: { id: true, trigger: true },
    resolve: ({ id, trigger: stored }) => {
      const trigger = objectIn(stored);
      if (trigger?.type !== 'webhook' || typeof trigger.path !== 'string') return null;
      return { workflowId: id, path: trigger.path };
    },
  }),
);

const WorkflowWebhookSecretRef = builder
  .objectRef<{ workflowId: string; secret: string }>('WorkflowWebhookSecret')
  .implement({
    description: 'A secret that was made just now.',
    fields: (t) => ({
      secret: t.exposeString('secret', {
        description:
          'What requests are signed with, `whsec_…`. It is shown this once and cannot be read again.',
      }),
      workflow: t.field({
        type: WorkflowRef,
        nullable: true,
        description: 'The workflow that they start; null where somebody has deleted it since.',
        resolve: ({ workflowId }, _args, context, info) => workflows.one(context, info, workflowId),
      }),
    }),
  });

builder.mutationField('rotateWorkflowWebhookSecret', (t) =>
  t.field({
    type: WorkflowWebhookSecretRef,
    description:
      'Makes the secret that requests to a workflow’s webhook are signed with. The one before holds no more from now on. ' +
      'Admins and members of the workflow’s tenant may do it.',
    args: {
      workflowId: t.arg.id({ required: true, description: 'Global id or row id of a workflow.' }),
    },
    errors: {
      types: [UnauthenticatedError, ForbiddenError, NotFoundError, ConflictError, NotConfiguredError],
    },
    resolve: async (_root, args, context) => {
      assertSignedIn(context);
      const workflowId = rowId('Workflow', args.workflowId);
      const { webhooks } = context.services;
      const secret = await webhooks.rotate(context.db, context.identity.claims.sub, workflowId);
      return { workflowId, secret };
    },
  }),
);
