import { StepError } from '../../steps/step.ts';
import type { Definition, Tool } from '../definition.ts';
import type { ToolCategory } from '../vocabulary.ts';

type Capability = Exclude<keyof Definition['capabilities'], 'maxConcurrentOperations'>;

/** What an agent must be allowed before a tool of a category is called, whatever its model says. */
const NEEDED: Record<ToolCategory, readonly Capability[]> = {
  api: ['canAccessExternalAPIs'],
  database: ['canAccessDatabase'],
  workflow: ['canExecute'],
  ai: ['canInvokeOtherAgents'],
  // They see nothing but their arguments, and change nothing.
  transformation: [],
  validation: [],
};

/** Operations of a database tool that read; whatever else it may be asked for writes. */
const READS = new Set(['select', 'get', 'list', 'count', 'read', 'find']);

function needed({ category, config }: Tool): readonly Capability[] {
  if (category !== 'database') return NEEDED[category];
  const reads = READS.has(String(config?.operation).toLowerCase());
  return [...NEEDED.database, reads ? 'canRead' : 'canWrite'];
}

/** @throws {StepError} FORBIDDEN_TOOL */
export function assertCapable({ capabilities }: Definition, tool: Tool): void {
  const missing = needed(tool).filter((capability) => !capabilities[capability]);
  if (missing.length === 0) return;
  throw new StepError(
    {
      code: 'FORBIDDEN_TOOL',
      message: `the agent may not use ${tool.name}: it lacks ${missing.join(' and ')}`,
    },
    { isFinal: true },
  );
}
