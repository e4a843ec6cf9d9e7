import { createBatch } from '../../graphql/batch.ts';
import { builder } from '../../graphql/builder.ts';
import { type Context, perLease } from '../../graphql/context.ts';
import type { ApprovalLinks } from './approvals/links.ts';
import { loadQuestions } from './approvals/question.ts';
import { ApprovalRef } from './run-types.ts';

declare module '../../graphql/context.ts' {
  interface Services {
    /** Undefined where no key is configured to sign them with. */
    approvalLinks: ApprovalLinks | undefined;
  }
}

const questions = ({ db }: Context) => createBatch((ids) => loadQuestions(db.sql, ids));

const ApprovalLinksRef = builder
  .objectRef<{ approve: string; reject: string; expiresAt: Date }>('ApprovalLinks')
  .implement({
    description:
      'Addresses of pages that answer a question, once, without signing in: whoever has one may decide. A page asks before ' +
      'it decides, so looking at the address answers nothing.',
    fields: (t) => ({
      approve: t.exposeString('approve', { description: 'The page that approves.' }),
      reject: t.exposeString('reject', { description: 'The page that refuses.' }),
      expiresAt: t.expose('expiresAt', {
        type: 'DateTime',
        description:
          'Until when they hold: as long as the question, or seven days where that waits for ever.',
      }),
    }),
  });

builder.prismaObjectField(ApprovalRef, 'links', (t) =>
  t.field({
    type: ApprovalLinksRef,
    nullable: true,
    description:
      'Links that answer it, made anew each time. Null where it is not open, where somebody else decides, and where the server ' +
      'has no SECRETS_KEY to sign them with.',
    select: { id: true },
    resolve: async ({ id }, _args, context) => {
      const { identity, services } = context;
      const question = await perLease(context, questions)(id);
      if (!question || question.decider === null) return null;
      const { role, sub } = identity.claims;
      if (role !== 'service_role' && question.decider !== sub) return null;
      return (await services.approvalLinks?.of({ ...question, decider: question.decider })) ?? null;
    },
  }),
);
