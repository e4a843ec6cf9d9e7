import type { Sql } from '../../platform/db/sql.ts';
import type { ExecutionRef } from '../../platform/feed/events.ts';
import { startExecution } from '../../platform/feed/feed.ts';
import type { ProviderName, TrainingProvider } from './provider.ts';

/** What is trained, on whose behalf, as a part of what. */
export type TrainingStart = {
  publicId: string;
  method: string;
  provider: ProviderName;
  userId: string;
  tenantId: string | null;
  /** A second start with the same key of the same user is the same run. */
  idempotencyKey: string;
  /** The execution that it is a part of, and the run of the workflow's step that waits for its end. */
  parent: ExecutionRef & { stepRunId?: string };
};

/** Why a run cannot be started, in a sentence for its owner. */
export class TrainingRefusal extends Error {
  override name = 'TrainingRefusal';
}

/**
 * Starts a run on its owner's behalf, as the service role, in the transaction that `sql` runs in.
 *
 * @returns its id
 * @throws {TrainingRefusal} before anything is written
 * @throws {FeedError} TOO_DEEP
 */
export async function startTrainingFor(
  sql: Sql,
  start: TrainingStart,
  providers: Readonly<Record<ProviderName, Pick<TrainingProvider, 'availability'>>>,
): Promise<string> {
  const { publicId, method, provider, userId, tenantId, idempotencyKey, parent } = start;
  const answer = providers[provider].availability();
  if (!answer.available) {
    throw new TrainingRefusal(`The provider ${provider} cannot run this: ${answer.reason}`);
  }
  const [row] = await sql.query<{ id: string }>(
    `insert into public.training_executions (user_id, public_id, method, provider)
     select $1, c.public_id, $3, $4 from public.training_configs c
     where c.public_id = $2 and (c.is_public or c.user_id = $1)
     returning id`,
    [userId, publicId, method, provider],
  );
  if (row === undefined) {
    throw new TrainingRefusal(`There is no training config ${JSON.stringify(publicId)} that you may see.`);
  }
  await startExecution(sql, {
    ...{ kind: 'training', id: row.id, idempotencyKey, parent },
    tenantId: tenantId ?? undefined,
  });
  return row.id;
}
