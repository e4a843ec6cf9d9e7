import { z } from 'zod';
import { text } from '../../../graphql/validation.ts';
import { json, urlWithSecrets } from './pieces.ts';

const MAX_CREDENTIAL = 8_000;

/** As it is: a blank at an end is a part of it. */
const maybeEmpty = z
  .string({ error: 'must be text' })
  .max(MAX_CREDENTIAL, `must have at most ${MAX_CREDENTIAL} characters`);
const credential = maybeEmpty.min(1, 'must not be empty');

const bearer = z.looseObject({ type: z.literal('bearer'), token: credential });

const basic = z.looseObject({ type: z.literal('basic'), username: maybeEmpty, password: maybeEmpty });

const apiKey = z
  .looseObject({
    type: z.literal('apiKey'),
    in: z.enum(['header', 'query'], { error: 'must be header or query' }).default('header'),
    name: text(200),
    value: credential,
  })
  .refine((key) => key.in === 'query' || /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(key.name), {
    path: ['name'],
    error: 'must be the name of a header',
  });

const oauth = z.looseObject({
  type: z.literal('oauth'),
  tokenUrl: urlWithSecrets,
  clientId: credential,
  clientSecret: credential,
  scope: text(2_000).optional(),
  audience: text(2_000).optional(),
  /** How the client says who it is: by basic authentication, which every server takes, or in the form. Default: basic. */
  clientAuthentication: z.enum(['basic', 'post'], { error: 'must be basic or post' }).optional(),
});

const KINDS = 'must be one of bearer, basic, apiKey, oauth';

/** Who an API step calls as. What else the object holds stays in it. */
export const auth = json.pipe(z.discriminatedUnion('type', [bearer, basic, apiKey, oauth], { error: KINDS }));

export type Auth = z.infer<typeof auth>;
