import type { Sql } from '../../platform/db/sql.ts';

export type RunDataset = {
  name: string;
  /** Whose it is, who need not be the one who runs it. */
  userId: string;
  /** As somebody wrote it: a path or a URL, not to be trusted. */
  storagePath: string;
  format: string;
};

/** What a training execution shall train, as the database says. */
export type RunInput = {
  executionId: string;
  userId: string;
  publicId: string;
  provider: string;
  method: string;
  /** The training config, with the execution's own settings over it. */
  config: Record<string, unknown>;
  datasets: RunDataset[];
};

type Row = Omit<RunInput, 'config' | 'datasets'> & {
  configId: string | null;
  config: unknown;
  overrides: unknown;
};

/**
 * Reads an execution with its config and datasets, as the service role.
 *
 * @returns undefined where there is no such execution; `config: null` where its user may not use the config any more
 */
export async function loadRun(
  sql: Sql,
  executionId: string,
): Promise<RunInput | (Omit<RunInput, 'config'> & { config: null }) | undefined> {
  const [row] = await sql.query<Row>(
    `select e.id as "executionId", e.user_id as "userId", e.public_id as "publicId", e.provider, e.method,
       c.id as "configId", c.config_json as config, e.config as overrides
     from public.training_executions e
     left join public.training_configs c
       on c.public_id = e.public_id and (c.is_public or c.user_id = e.user_id)
     where e.id = $1`,
    [executionId],
  );
  if (row === undefined) return undefined;
  const { configId, config, overrides, ...execution } = row;
  if (configId === null) return { ...execution, config: null, datasets: [] };
  const datasets = await sql.query<RunDataset>(
    `select d.name, d.user_id as "userId", d.storage_path as "storagePath", d.format
     from public.training_config_datasets cd
     join public.training_datasets d on d.id = cd.dataset_id
     where cd.config_id = $1
     order by d.created_at, d.id`,
    [configId],
  );
  return { ...execution, config: merged(record(config), record(overrides)), datasets };
}

/** `hyperparameters` one by one, everything else as a whole. */
function merged(
  config: Record<string, unknown>,
  overrides: Record<string, unknown>,
): Record<string, unknown> {
  const hyperparameters = { ...record(config.hyperparameters), ...record(overrides.hyperparameters) };
  return { ...config, ...overrides, hyperparameters };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
