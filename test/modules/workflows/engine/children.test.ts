import { afterAll, beforeAll, expect, it } from 'vitest';
import { startAgent } from '../../../../src/modules/agents/start.ts';
import { createActiveSteps } from '../../../../src/modules/workflows/engine/active-steps.ts';
import type { StepKit } from '../../../../src/modules/workflows/engine/step-kit.ts';
import { runWorkflowStep } from '../../../../src/modules/workflows/jobs/run-step.ts';
import { finishExecution, requestCancel, takeExecution } from '../../../../src/platform/feed/feed.ts';
import { createLogger } from '../../../../src/platform/logger.ts';
import { insertAgent } from '../../../support/agents.ts';
import { type Engine, openEngine } from '../../../support/workflow-engine.ts';
import { id, type LooseStep } from '../definitions.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
  await engine.work(undefined, 4, (sql, { executionId, stepRunId, ...asked }) =>
    startAgent(sql, {
      ...asked,
      parent: { kind: 'workflow', id: executionId, ...(stepRunId !== undefined && { stepRunId }) },
    }),
  );
});
afterAll(() => engine?.close());

async function agentStep(rest: Record<string, unknown> = {}): Promise<LooseStep> {
  const agentId = await insertAgent(engine.admin, engine.tenantId, { createdBy: engine.user });
  return { id: id('a'), name: 'a', type: 'agent', config: { agentId, input: {} }, ...rest };
}

/** The agent's run that a step waits for, once it has waited so often. */
async function child(execution: string, times: number): Promise<string> {
  await engine.until(
    execution,
    (events) =>
      events.filter(({ type, payload }) => type === 'step' && payload.state === 'awaiting').length === times,
  );
  const { rows } = await engine.admin.query<{ id: string }>(
    `select execution_id as id from runcast.execution_streams where parent_id = $1 and state = 'open'`,
    [execution],
  );
  expect(rows).toHaveLength(1);
  return rows[0]?.id ?? '';
}

async function end(childId: string, status: 'completed' | 'failed'): Promise<void> {
  const ref = { kind: 'agent', id: childId } as const;
  const attempt = (await takeExecution(engine.sql, { ...ref, worker: 'w' })) ?? 0;
  await finishExecution(engine.sql, {
    ...{ ...ref, attempt, status },
    ...(status === 'failed' && { error: 'the model did not answer' }),
  });
}

it('starts another agent’s run where the step is tried again after the first one has failed', async () => {
  const retry = { enabled: true, maxAttempts: 2, backoff: 'fixed', initialDelay: 1 };
  const execution = await engine.start(await engine.define([await agentStep({ retry })]));
  const first = await child(execution, 1);
  await end(first, 'failed');
  const second = await child(execution, 2);
  expect(second).not.toBe(first);
  await end(second, 'completed');
  await engine.ended(execution);
  expect((await engine.execution(execution)).status).toBe('completed');
  expect(await engine.steps(execution)).toMatchObject([
    { state: 'completed', tries: 1, error: { code: 'AGENT_FAILED' } },
  ]);
});

it('leaves no agent’s run behind where the workflow is cancelled while a step starts it', async () => {
  const execution = await engine.start(await engine.define([await agentStep()]));
  await child(execution, 1);
  const { rows } = await engine.admin.query<{ id: string; jobId: string }>(
    `update runcast.workflow_step_runs set state = 'queued' where execution_id = $1 returning id, job_id as "jobId"`,
    [execution],
  );
  const [step] = rows;
  const started: string[] = [];
  const kit: Partial<StepKit> = {
    fill: async (value) => value,
    async startAgent(sql, { executionId, stepRunId: _, ...asked }) {
      const id = await startAgent(sql, { ...asked, parent: { kind: 'workflow', id: executionId } });
      started.push(id);
      const ref = { kind: 'workflow', id: execution } as const;
      await engine.as(engine.user, (own) => requestCancel(own, ref));
      return id;
    },
  };
  await runWorkflowStep.handle(
    { executionId: execution, stepRunId: step?.id ?? '' },
    {
      ...{ database: engine.service, kit: kit as StepKit, steps: createActiveSteps(), worker: 'w' },
      log: createLogger('silent'),
    },
    { id: step?.jobId ?? '', signal: new AbortController().signal },
  );
  expect(started).toHaveLength(1);
  expect((await engine.execution(execution)).status).toBe('cancelled');
  const kept = await engine.admin.query('select from public.agent_executions where id = $1', started);
  expect(kept.rows).toEqual([]);
});
