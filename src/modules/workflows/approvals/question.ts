import type { Sql } from '../../../platform/db/sql.ts';

/** A question that a step asks, as a link to its answer needs it. */
export type Question = {
  id: string;
  executionId: string;
  prompt: string;
  decision: 'approved' | 'rejected' | 'expired' | 'withdrawn' | null;
  assignedTo: string | null;
  /** Whom it is assigned to, or else the owner of the execution; null where the connection's role does not see that. */
  decider: string | null;
  expiresAt: Date | null;
};

/**
 * The questions that the connection's role sees, by id. The owner of an execution is seen by whoever sees its stream: not by
 * one who has left the tenant that it was run for.
 */
export async function loadQuestions(sql: Sql, ids: readonly string[]): Promise<Map<string, Question>> {
  const rows = await sql.query<Question>(
    `select a.id, a.execution_id as "executionId", a.prompt, a.decision, a.assigned_to as "assignedTo",
       coalesce(a.assigned_to, s.user_id) as decider, a.expires_at as "expiresAt"
     from runcast.approvals a
     left join runcast.execution_streams s on s.kind = 'workflow' and s.execution_id = a.execution_id::text
     where a.id = any ($1::uuid[])`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}
