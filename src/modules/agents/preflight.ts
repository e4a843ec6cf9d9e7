import { type FieldFault, ProviderUnavailableError, ValidationError } from '../../graphql/errors.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { type Definition, modelsOf, readDefinition } from './definition.ts';
import type { ModelRef } from './models/servers.ts';
import { type AgentPorts, runnable } from './ports.ts';

/**
 * Everything a run can be refused for before it begins: nothing is written by then.
 *
 * @param paths where the agent and the input stand in the caller's arguments
 * @throws {ValidationError} where the agent cannot be run as it is, or the input does not fit
 * @throws {ProviderUnavailableError} where a model is needed that is not set up
 */
export async function assertRunnable(
  sql: Sql,
  row: unknown,
  input: unknown,
  { ports, paths }: { ports: AgentPorts; paths: { agent: string[]; input: string[] } },
): Promise<void> {
  const read = readDefinition(row);
  if ('faults' in read) throw new ValidationError(read.faults.map((fault) => ofAgent(fault, paths.agent)));
  const { definition } = read;
  const faults = [...unknownTools(definition, ports), ...(await unkeptLimits(sql, definition, ports))];
  if (faults.length > 0) throw new ValidationError(faults.map((fault) => ofAgent(fault, paths.agent)));
  for (const model of modelsOf(definition, ports.models.default)) assertIsSetUp(model, ports, paths.agent);
  if (definition.validation_schema === undefined) return;
  const unfit = await ports.validateJson(definition.validation_schema, input);
  if (unfit.length === 0) return;
  throw new ValidationError(unfit.map(({ path, message }) => ({ path: [...paths.input, ...path], message })));
}

/** The agent is one argument, so what is wrong with it is told in the message. */
function ofAgent({ path, message }: FieldFault, agent: string[]): FieldFault {
  return { path: agent, message: `names an agent whose ${path.join('.')} ${message}` };
}

function unknownTools({ tools }: Definition, ports: AgentPorts): FieldFault[] {
  const known = runnable(ports);
  return tools.flatMap(({ category }, index) =>
    known.has(category)
      ? []
      : [
          {
            path: ['tools', String(index)],
            message: `is of the category ${category}, which nothing here can call`,
          },
        ],
  );
}

/** A limit to what a run costs is no limit where a model has no price. */
async function unkeptLimits(sql: Sql, definition: Definition, { models }: AgentPorts): Promise<FieldFault[]> {
  if (definition.safety_constraints.maxCost === undefined) return [];
  const asked = modelsOf(definition, models.default).filter((model) => model !== undefined);
  const rows = await sql.query<{ name: string }>(
    `select m.name from unnest($1::text[], $2::text[]) as m (provider, name)
     where (runcast.model_price(m.provider, m.name)).version is null`,
    [asked.map(({ provider }) => provider), asked.map(({ name }) => name)],
  );
  return rows.map(({ name }) => ({
    path: ['safetyConstraints', 'maxCost'],
    message: `cannot be kept, because there is no price for the model ${name}`,
  }));
}

function assertIsSetUp(model: ModelRef | undefined, { models }: AgentPorts, path: string[]): void {
  if (model === undefined) {
    throw new ProviderUnavailableError(
      'model',
      'the agent names no model, and the operator has set none up.',
      {
        path,
        remedy: 'Name a model in the agent’s executionConfig, or set MODEL_DEFAULT.',
      },
    );
  }
  if (models.find(model)) return;
  throw new ProviderUnavailableError(model.provider, `no server is set up for its model ${model.name}.`, {
    path,
    remedy: 'Set MODEL_BASE_URL, OPENAI_API_KEY or ANTHROPIC_API_KEY, or name another model.',
  });
}
