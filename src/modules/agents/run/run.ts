import type { LogLevel } from '../../../platform/feed/events.ts';
import type { Logger } from '../../../platform/logger.ts';
import { isToolsAlone } from '../definition.ts';
import { AgentFailure } from '../failure.ts';
import { strategies } from '../planning/styles.ts';
import { toolsAlone } from '../planning/tools-alone.ts';
import { createApprovals } from './approvals.ts';
import { carryingOut } from './carry-out.ts';
import { createConversation } from './conversation.ts';
import type { RunInput } from './load.ts';
import { createMemory } from './memory.ts';
import { createMemoryTools } from './memory-tools.ts';
import { createModelSteps } from './model-steps.ts';
import { checkedOutput, outputOf } from './output.ts';
import type { RunParts } from './parts.ts';
import { openingOf } from './prompt.ts';
import { createToolbox } from './tools.ts';

/**
 * Runs an agent from its beginning; what earlier attempts have done comes out of the journal.
 *
 * @returns its output
 * @throws {AgentFailure} where it fails, {Suspended} where it has to wait, the signal's reason where it is stopped
 */
export async function runAgent(parts: RunParts): Promise<unknown> {
  const { run, ports, database, journal, narration, signal } = parts;
  const { definition, input, executionId, owner, tries } = run;
  const memory = createMemory({ sql: database.sql, definition, userId: owner.userId });
  const ask = createModelSteps({ ...parts, definition, models: ports.models, streams: run.streams });
  const isAlone = isToolsAlone(definition);
  const toolbox = createToolbox({
    ...parts,
    definition,
    approvals: createApprovals({ ...parts, definition, executionId }),
    carryOut: carryingOut({ ...parts, ask }),
    base: {
      execution: { kind: 'agent', id: executionId },
      owner,
      log: (message: string, level?: LogLevel) => narration.log(message, level, 'tool'),
      hosts: hostsOf(definition.safety_constraints),
    },
    isFinal: !isAlone,
  });
  const conversation = createConversation({
    definition,
    input,
    opening: openingOf(definition, input, isAlone ? undefined : await memory.recall()),
    ask,
    toolbox,
    memoryTools: createMemoryTools({ memory, journal, narration }),
  });
  const output = isAlone
    ? await checkedOutput(await toolsAlone(conversation), definition.output_schema, ports.validateJson)
    : await outputOf(await strategies[definition.planning_style](conversation), conversation, {
        tries,
        validateJson: ports.validateJson,
      });
  signal.throwIfAborted();
  await memory.conclude(executionId, input, output);
  return output;
}

function hostsOf({ allowedDomains, blockedDomains }: RunInput['definition']['safety_constraints']) {
  return { allowed: allowedDomains, blocked: blockedDomains };
}

/** Whatever was thrown, as the run's owner is told it. */
export function failureOf(error: unknown, log: Logger): AgentFailure {
  if (error instanceof AgentFailure) return error;
  log.error({ err: error }, 'the run failed in the worker');
  return new AgentFailure(
    { code: 'WORKER_ERROR', message: 'the worker failed; its log says why' },
    { mayRetry: true },
  );
}
