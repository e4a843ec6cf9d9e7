import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AgentStart, startAgent } from '../../../src/modules/agents/run-service.ts';
import { createServiceDatabase, type ServiceDatabase } from '../../../src/platform/db/service.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { type AgentRuns, openAgentRuns } from '../../support/agent-runs.ts';
import { insertTenant } from '../../support/agents.ts';

let runs: AgentRuns;
let database: ServiceDatabase;
beforeAll(async () => {
  runs = await openAgentRuns({ withoutWorker: true });
  const log = createLogger('silent');
  database = createServiceDatabase({ url: runs.api.database.worker, poolSize: 2, log });
});
afterAll(async () => {
  await database.close();
  await runs.close();
});

/** A run that a step of an owner's workflow starts. */
function start(agentId: string, more: Partial<AgentStart> = {}): Promise<string> {
  const { user, tenantId } = runs;
  const asked = { agentId, input: { a: 1 }, userId: user.id, tenantId, ...more };
  return database.transaction((sql) => startAgent(sql, asked));
}

it('starts a run on behalf of the owner of a workflow, as a part of it that waits in no queue', async () => {
  const { user, tenantId, api } = runs;
  // Its queue is the workflows' own; a run that is a part of another needs none.
  const parentId = await database.transaction(async (sql) => {
    const [row] = await sql.query<{ id: string }>(
      `with made as (
         insert into public.workflows (name, version, category, trigger, start_step_id, tenant_id)
         values ('w', '1.0.0', 'custom', '{}', gen_random_uuid(), $2) returning id)
       insert into public.workflow_executions (workflow_id, user_id, tenant_id) select id, $1, $2 from made returning id`,
      [user.id, tenantId],
    );
    return row?.id ?? '';
  });
  const stepRunId = randomUUID();
  const id = await start(await runs.agent(), { parent: { kind: 'workflow', id: parentId, stepRunId } });
  const { rows } = await api.admin.query(
    `select user_id, tenant_id, parent_kind, parent_id, parent_step_run, depth from runcast.execution_streams
     where execution_id = $1`,
    [id],
  );
  expect(rows).toEqual([
    {
      ...{ user_id: user.id, tenant_id: tenantId, parent_kind: 'workflow', parent_id: parentId },
      ...{ parent_step_run: stepRunId, depth: 1 },
    },
  ]);
  const queued = await api.admin.query('select from runcast.run_queue where execution_id = $1', [id]);
  expect(queued.rows).toEqual([]);
  const jobs = await api.admin.query(`select name from pgboss.job where data ->> 'executionId' = $1`, [id]);
  expect(jobs.rows).toEqual([{ name: 'agent.run' }]);
});

it('starts nothing for an owner who may not run the agent, or once it is disabled', async () => {
  const agentId = await runs.agent();
  const stranger = await runs.api.makeUser();
  await insertTenant(runs.api.admin, [{ user: stranger, role: 'admin' }]);
  await expect(start(agentId, { userId: stranger.id, tenantId: null })).rejects.toMatchObject({
    code: '42501',
  });
  await runs.api.admin.query('update public.agents set enabled = false where id = $1', [agentId]);
  await expect(start(agentId)).rejects.toMatchObject({ code: '42501' });
  const { rows } = await runs.api.admin.query('select from public.agent_executions where agent_id = $1', [
    agentId,
  ]);
  expect(rows).toEqual([]);
});
