import type { Tool } from '../definition.ts';
import { AgentFailure } from '../failure.ts';
import { argumentsFrom } from '../run/arguments.ts';
import { concurrently } from '../run/concurrent.ts';
import type { Conversation } from '../run/conversation.ts';

/**
 * An agent without a model: its tools, each called once, with arguments from the input; one after the other, or at the same
 * time. The output is what each has given, by the tool's name. A tool that fails ends it.
 */
export async function toolsAlone(conversation: Conversation): Promise<Record<string, unknown>> {
  const { definition, input, concurrency } = conversation;
  const isParallel = definition.planning_style === 'parallel';

  async function call(tool: Tool, index: number): Promise<[string, unknown]> {
    const outcome = await conversation.call(`tool/${index}`, tool, argumentsFrom(input, tool));
    if ('output' in outcome) return [tool.name, outcome.output];
    const { code, message } = outcome.error;
    throw new AgentFailure({ code, message }, { mayRetry: code !== 'FORBIDDEN_TOOL' && code !== 'REJECTED' });
  }

  if (isParallel) return Object.fromEntries(await concurrently(definition.tools, concurrency, call));
  const results: [string, unknown][] = [];
  for (const [index, tool] of definition.tools.entries()) results.push(await call(tool, index));
  return Object.fromEntries(results);
}
