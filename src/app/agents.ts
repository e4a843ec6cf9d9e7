import { createModelServers } from '../modules/agents/models/servers.ts';
import type { AgentPorts, StartWorkflow, ToolRunners, ValidateJson } from '../modules/agents/ports.ts';
import { StepError } from '../modules/steps/step.ts';
import { loadWorkflow, startWorkflow } from '../modules/workflows/engine/start.ts';
import type { FaultsHere } from '../modules/workflows/run-service.ts';
import { parseDefinition } from '../modules/workflows/validation/validate.ts';
import type { Config } from '../platform/config.ts';
import { type SandboxCode, SandboxError } from '../platform/sandbox/errors.ts';
import type { Sandbox } from '../platform/sandbox/sandbox.ts';

type Given = { models: Config['models']; sandbox: Sandbox };

/** What runs agents: for the worker. */
export function createAgentPorts({
  models,
  sandbox,
  toolRunners,
  faultsHere,
}: Given & { toolRunners: ToolRunners; faultsHere: FaultsHere }): AgentPorts {
  return {
    models: createModelServers(models),
    toolRunners,
    startWorkflow: startedBy(faultsHere),
    validateJson: checkedBy(sandbox),
  };
}

/** What refuses runs of agents before they begin: for the API, which knows what workers can do and does none of it. */
export function createAgentChecks({ models, sandbox }: Given): AgentPorts {
  const elsewhere = () => Promise.reject(new Error('tools are run by workers'));
  return {
    models: createModelServers(models),
    toolRunners: { api: elsewhere, database: elsewhere, transformation: elsewhere, validation: elsewhere },
    startWorkflow: elsewhere,
    validateJson: checkedBy(sandbox),
  };
}

/** A schema that cannot be checked in time, or at all, is one that nothing matches: its fault is told with the value's. */
function checkedBy(sandbox: Sandbox): ValidateJson {
  return async (schema, value) => {
    try {
      return await sandbox.validateJson(schema, value);
    } catch (error) {
      if (!(error instanceof SandboxError)) throw error;
      return [{ path: [], message: FAULTS[error.code] ?? `cannot be checked: ${error.message}` }];
    }
  };
}

const FAULTS: Partial<Record<SandboxCode, string>> = {
  TIME_LIMIT: 'the schema takes too long to check',
  MEMORY_LIMIT: 'the schema takes too much memory to check',
};

/** A workflow as a part of an agent's run: of the same tenant, enabled and sound. */
function startedBy(faultsHere: FaultsHere): StartWorkflow {
  return async (sql, { workflowId, input, owner, parent, idempotencyKey }) => {
    const workflow = await loadWorkflow(sql, workflowId);
    if (!workflow?.enabled || workflow.tenantId !== owner.tenantId) {
      throw refused(`There is no workflow ${workflowId} that may be run here.`);
    }
    const { definition } = parseDefinition(workflow.stored);
    if (!definition || faultsHere(definition).length > 0) {
      throw refused(`The workflow ${JSON.stringify(workflow.name)} cannot be run as it is.`);
    }
    const [known] = await sql.query<{ id: string }>(
      `select execution_id as id from runcast.execution_streams
       where user_id = $1 and kind = 'workflow' and idempotency_key = $2`,
      [owner.userId, idempotencyKey],
    );
    if (known) return known.id;
    const start = { definition, workflow, userId: owner.userId, input, parent, idempotencyKey };
    return await startWorkflow(sql, start);
  };
}

function refused(message: string): StepError {
  return new StepError({ code: 'NOT_STARTED', message }, { isFinal: true });
}
