import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { Cipher } from '../../../platform/encryption.ts';
import type { Question } from './question.ts';

/** What a link says: that this user gives this answer to that question. */
export type Answer = { approvalId: string; decision: 'approved' | 'rejected'; decider: string };

export type ApprovalLinks = {
  /**
   * The links to the two answers, for whoever may decide.
   *
   * @returns undefined where the question is not open any more
   */
  of(
    question: Question & { decider: string },
  ): Promise<{ approve: string; reject: string; expiresAt: Date } | undefined>;
  /** What a link's token says, or why it says nothing. */
  read(token: string): Promise<Answer | 'forged' | 'expired'>;
};

/** Of a question that waits for ever. */
const LIFETIME_MS = 7 * 24 * 60 * 60 * 1_000;
/** Sets these tokens apart from others that the same key might sign one day. */
const AUDIENCE = 'runcast:approval';

const claims = z.object({ sub: z.uuid(), decision: z.enum(['approved', 'rejected']), decider: z.uuid() });

/** @param baseUrl where others reach this server, without a slash at its end */
export function createApprovalLinks({
  cipher,
  baseUrl,
}: {
  cipher: Pick<Cipher, 'keysFor'>;
  baseUrl: string;
}): ApprovalLinks {
  const keys = cipher.keysFor('runcast approval links');
  const [newest] = keys;

  const linkTo = async ({ approvalId, decision, decider }: Answer, expiresAt: Date) => {
    const token = await new SignJWT({ decision, decider })
      .setProtectedHeader({ alg: 'HS256' })
      .setAudience(AUDIENCE)
      .setSubject(approvalId)
      .setExpirationTime(expiresAt)
      .sign(newest);
    return `${baseUrl}/approvals/${token}`;
  };

  return {
    async of({ id, decision, decider, expiresAt: limit }) {
      const expiresAt = limit ?? new Date(Date.now() + LIFETIME_MS);
      if (decision !== null || expiresAt.getTime() <= Date.now()) return undefined;
      const answer = { approvalId: id, decider };
      return {
        approve: await linkTo({ ...answer, decision: 'approved' }, expiresAt),
        reject: await linkTo({ ...answer, decision: 'rejected' }, expiresAt),
        expiresAt,
      };
    },
    async read(token) {
      for (const key of keys) {
        try {
          const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'], audience: AUDIENCE });
          const { data } = claims.safeParse(payload);
          return data ? { approvalId: data.sub, decision: data.decision, decider: data.decider } : 'forged';
        } catch (error) {
          if (error instanceof errors.JWTExpired) return 'expired';
        }
      }
      return 'forged';
    },
  };
}
