import { z } from 'zod';
import { absent, isStorable, jsonObject, oneOf, text, uuidOf } from '../../graphql/validation.ts';
import { TENANT_ROLES } from './vocabulary.ts';

/** A label of a host name, RFC 1123. */
const subdomain = z
  .string({ error: 'must be text' })
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be 1 to 63 lower-case letters, digits and dashes, with a letter or digit at both ends',
  );

const tenantId = uuidOf('Tenant');
const role = oneOf(TENANT_ROLES);
const userId = uuidOf('User');

const email = z
  .string({ error: 'must be text' })
  .trim()
  .toLowerCase()
  .max(254, 'must have at most 254 characters')
  .refine(isStorable, 'must not contain U+0000 or broken characters')
  .pipe(z.email({ error: 'must be an e-mail address' }));

export const tenantInput = z.object({
  name: text(200),
  subdomain,
  settings: jsonObject.nullish().transform((settings) => settings ?? {}),
});

export const tenantPatch = z.object({
  name: text(200).nullish().transform(absent),
  subdomain: subdomain.nullish().transform(absent),
  settings: jsonObject.nullish().transform(absent),
});

export const invitationInput = z
  .object({
    tenantId,
    role,
    userId: userId.nullish().transform(absent),
    email: email.nullish().transform(absent),
  })
  .refine((input) => (input.userId === undefined) !== (input.email === undefined), {
    path: ['email'],
    error: 'must be given where userId is not, and not beside it',
    // Beside other faults as well: all are reported at once.
    when: () => true,
  });

export const revocationInput = z.object({ tenantId, email });

export const tenantInvited = z.object({ tenantId });

export const roleChange = z.object({ tenantId, userId, role, ifRole: role.nullish().transform(absent) });

export const memberRemoval = z.object({ tenantId, userId });
