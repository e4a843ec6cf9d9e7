import { z } from 'zod';
import type { FieldFault } from '../../graphql/errors.ts';
import { jsonObject } from '../../graphql/validation.ts';
import { isObject } from '../steps/json.ts';
import { type ModelRef, modelRef } from './models/servers.ts';
import {
  capabilities,
  executionConfig,
  memoryConfig,
  outputType,
  planningStyle,
  safetyConstraints,
  tools,
} from './shapes.ts';
import { toolConfigs } from './tool-configs.ts';

const nullable = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);

/** An agent's row as `to_jsonb` gives it. */
const agentRow = z.object({
  id: z.string(),
  name: z.string(),
  description: nullable(z.string()),
  tenant_id: z.string().nullable(),
  enabled: z.boolean(),
  planning_style: planningStyle,
  capabilities: z.preprocess((value) => value ?? {}, capabilities),
  tools: z.preprocess((value) => value ?? [], tools),
  execution_config: z.preprocess(withModel, executionConfig),
  memory_config: nullable(memoryConfig),
  safety_constraints: z.preprocess((value) => value ?? {}, safetyConstraints),
  validation_schema: nullable(jsonObject),
  output_type: outputType,
  output_schema: nullable(jsonObject),
});

/** An agent as it is run. */
export type Definition = z.infer<typeof agentRow>;
export type Tool = Definition['tools'][number];

/** A model as text, `provider:name`, which other programs may write. */
function withModel(config: unknown): unknown {
  if (!isObject(config)) return config ?? {};
  return typeof config.model === 'string' ? { ...config, model: modelRef(config.model) } : config;
}

/**
 * Reads an agent's row, whoever wrote it.
 *
 * @returns the faults where it cannot be run as it is, with the paths of its columns
 */
export function readDefinition(row: unknown): { definition: Definition } | { faults: FieldFault[] } {
  const parsed = agentRow.safeParse(row);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => ({ path: path.map(String), message }));
    return { faults };
  }
  const faults = parsed.data.tools.flatMap((tool, index) => configFaults(tool, ['tools', String(index)]));
  return faults.length > 0 ? { faults } : { definition: parsed.data };
}

function configFaults({ category, config }: Tool, at: string[]): FieldFault[] {
  const path = [...at, 'config'];
  if (config === undefined) return [{ path, message: `is required of a tool of the category ${category}` }];
  const { error } = toolConfigs[category].safeParse(config);
  return (
    error?.issues.map((issue) => ({ path: [...path, ...issue.path.map(String)], message: issue.message })) ??
    []
  );
}

/**
 * Whether it runs on its tools alone, which are called with arguments from the input: it has tools, names no model, and is
 * planned sequentially or in parallel. So what it does never hangs on the operator's default model.
 */
export function isToolsAlone({ tools, execution_config, planning_style }: Definition): boolean {
  const needsNone = planning_style === 'sequential' || planning_style === 'parallel';
  return needsNone && tools.length > 0 && execution_config.model === undefined;
}

/** The models that a run may ask: its own, unless it runs on tools alone, and those of its `ai` tools. */
export function modelsOf(definition: Definition, fallback: ModelRef | undefined): (ModelRef | undefined)[] {
  const own = definition.execution_config.model ?? fallback;
  const asked = definition.tools.flatMap(({ category, config }) =>
    category === 'ai' ? [toolConfigs.ai.parse(config).model ?? own] : [],
  );
  return isToolsAlone(definition) ? asked : [own, ...asked];
}
