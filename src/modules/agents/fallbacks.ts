import type { FieldFault } from '../../graphql/errors.ts';
import { ValidationError } from '../../graphql/errors.ts';
import type { Sql } from '../../platform/db/sql.ts';
import type { AgentPatch } from './inputs.ts';
import { visible } from './versioned.ts';

type Named = { agentId: string; path: string[] };

/**
 * @param self the agent that the definition is of, where it exists
 * @throws {ValidationError} where an agent is to take over that the caller does not see, or the agent itself
 */
export async function assertFallbacks(sql: Sql, definition: AgentPatch, self?: string): Promise<void> {
  const named = fallbacksOf(definition);
  if (named.length === 0) return;
  const seen = await visible(
    sql,
    'agent',
    named.map(({ agentId }) => agentId),
  );
  const faults = named.flatMap(({ agentId, path }): FieldFault[] => {
    if (agentId.toLowerCase() === self?.toLowerCase()) return [{ path, message: 'must be another agent' }];
    return seen.has(agentId.toLowerCase()) ? [] : [{ path, message: 'must be an agent that you may see' }];
  });
  if (faults.length > 0) throw new ValidationError(faults);
}

function fallbacksOf({ executionConfig, tools = [] }: AgentPatch): Named[] {
  const places = [
    { retry: executionConfig?.retry, path: ['executionConfig'] },
    ...tools.map(({ retry }, index) => ({ retry, path: ['tools', String(index)] })),
  ];
  return places.flatMap(({ retry, path }) =>
    retry?.fallbackAgent === undefined
      ? []
      : [{ agentId: retry.fallbackAgent, path: ['input', ...path, 'retry', 'fallbackAgent'] }],
  );
}
