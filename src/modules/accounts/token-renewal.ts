import { builder } from '../../graphql/builder.ts';
import type { Identity } from '../../graphql/context.ts';
import { ForbiddenError, UnauthenticatedError } from '../../graphql/errors.ts';

/** The latest moment that JavaScript's dates can tell, in seconds. */
const LAST_SECOND = 8_640_000_000_000;

type Renewal = { expiresAt: Date | null };

const TokenRenewal = builder.objectRef<Renewal>('TokenRenewal').implement({
  description: 'A token that is in force from now on.',
  fields: (t) => ({
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When it expires by its own `exp`: the socket closes with 4403 within 5 s of that, unless it is renewed ' +
        'again. Null where that is never.',
    }),
  }),
});

builder.mutationField('renewToken', (t) =>
  t.field({
    type: TokenRenewal,
    description:
      'Takes a newer token of the same user and role in place of the one that this WebSocket was opened with. What is ' +
      'followed on it goes on where it is. Over a WebSocket only: requests over HTTP bring a token each.',
    args: {
      token: t.arg.string({ required: true, description: 'The new token, without `Bearer`.' }),
    },
    errors: { types: [UnauthenticatedError, ForbiddenError] },
    resolve: (_root, { token }, { identity }) => renewToken(identity, token),
  }),
);

/** @throws {ForbiddenError} over HTTP, where there is nothing to renew; and as `Identity.renew` */
async function renewToken(identity: Identity, token: string): Promise<Renewal> {
  if (!identity.renew) {
    throw new ForbiddenError('Over HTTP there is no socket whose token could be renewed.', {
      remedy: 'Send it over the WebSocket that is to stay open; a request over HTTP brings its own token.',
    });
  }
  const { exp } = await identity.renew(token);
  return { expiresAt: exp === undefined || exp > LAST_SECOND ? null : new Date(exp * 1000) };
}
