import { validateJson } from '../modules/agents/json-schema/validate.ts';
import { createModelServers } from '../modules/agents/models/servers.ts';
import type { AgentPorts, ToolRunners } from '../modules/agents/ports.ts';
import { toolConfigs } from '../modules/agents/tool-configs.ts';
import type { Config } from '../platform/config.ts';

/** What agents need, for the API, which refuses by it, and for the worker, which runs by it. */
export function createAgentPorts({ models }: Pick<Config, 'models'>): AgentPorts {
  return { models: createModelServers(models), toolRunners, validateJson };
}

const toolRunners: ToolRunners = {
  async validation({ config }, args) {
    const { schema } = toolConfigs.validation.parse(config);
    const faults = await validateJson(schema, 'value' in args ? args.value : args);
    return { valid: faults.length === 0, faults };
  },
};
