import type { Definition, Tool } from '../definition.ts';
import { AgentFailure } from '../failure.ts';
import type { ModelReply, ToolCall } from '../models/ask.ts';
import type { Message, ModelTools } from '../models/servers.ts';
import { parametersSchema } from './arguments.ts';
import { concurrently } from './concurrent.ts';
import type { MemoryTools } from './memory-tools.ts';
import type { AskModel } from './model-steps.ts';
import { byModelName } from './tool-names.ts';
import type { Toolbox, ToolOutcome } from './tools.ts';

/** Calls in one run whose arguments are no JSON, beyond which the model is given up. */
const MAX_MALFORMED = 3;
/** Calls at the same time where the agent does not say. */
const DEFAULT_CONCURRENCY = 4;
/** Characters of a result that a model is shown: more would fill its context by itself. */
const SHOWN = 50_000;

/** What planning has to do with: it decides what is asked and called when, and nothing else. */
export type Conversation = {
  readonly definition: Definition;
  readonly input: unknown;
  /** What a conversation begins with. */
  readonly opening: readonly Message[];
  /** All of the agent's tools, as models are told them. */
  readonly tools: ModelTools;
  /** One of them. */
  toolsOf(tool: Tool): ModelTools;
  readonly ask: AskModel;
  /** Calls a tool without having been asked to. */
  call(key: string, tool: Tool, args: unknown): Promise<ToolOutcome>;
  /** Makes the calls of an answer, at the same time; returns the answer and their results as messages. */
  follow(key: string, reply: ModelReply): Promise<Message[]>;
  readonly concurrency: number;
};

type Result = Extract<Extract<Message, { role: 'tool' }>['content'][number], { type: 'tool-result' }>;

export function createConversation(options: {
  definition: Definition;
  input: unknown;
  opening: readonly Message[];
  ask: AskModel;
  toolbox: Toolbox;
  memoryTools: MemoryTools;
}): Conversation {
  const { definition, input, opening, ask, toolbox, memoryTools } = options;
  const named = byModelName(definition.tools);
  const concurrency = definition.capabilities.maxConcurrentOperations ?? DEFAULT_CONCURRENCY;
  const ofAgent = [...named].map(([name, tool]) => modelTool(name, tool));
  let malformed = 0;

  async function carryOut(key: string, { name, input: text }: ToolCall): Promise<ToolOutcome> {
    const args = parsed(text);
    if (args === undefined) {
      malformed += 1;
      if (malformed > MAX_MALFORMED) {
        const message = `the model gave arguments that are no JSON ${malformed} times`;
        throw new AgentFailure({ code: 'MALFORMED_TOOL_CALLS', message }, { mayRetry: true });
      }
      return {
        error: { code: 'MALFORMED_ARGUMENTS', message: 'the arguments are no JSON: send one JSON object' },
      };
    }
    const tool = named.get(name);
    if (tool) return await toolbox.call(key, tool, args.value);
    const noted = await memoryTools.call(key, name, args.value);
    return noted ?? { error: { code: 'UNKNOWN_TOOL', message: `there is no tool ${name}` } };
  }

  return {
    definition,
    input,
    opening,
    concurrency,
    tools: [...ofAgent, ...memoryTools.tools],
    toolsOf: (tool) => ofAgent.filter(({ name }) => named.get(name) === tool),
    ask,
    call: (key, tool, args) => toolbox.call(key, tool, args),
    async follow(key, reply) {
      const outcomes = await concurrently(reply.toolCalls, concurrency, (call, index) =>
        carryOut(`${key}/tool/${index}`, call),
      );
      const results = reply.toolCalls.map((call, index) => resultOf(call, outcomes[index]));
      return [answered(reply), { role: 'tool', content: results }];
    },
  };
}

function modelTool(name: string, tool: Tool): ModelTools[number] & { name: string } {
  return { type: 'function', name, description: tool.description, inputSchema: parametersSchema(tool) };
}

/** An answer as a part of the conversation. */
export function answered({ text, toolCalls }: ModelReply): Message {
  const calls = toolCalls.map(({ id, name, input }) => ({
    type: 'tool-call' as const,
    toolCallId: id,
    toolName: name,
    input: parsed(input)?.value ?? { malformed: input },
  }));
  return {
    role: 'assistant',
    content: [...(text === '' ? [] : [{ type: 'text' as const, text }]), ...calls],
  };
}

function resultOf({ id, name }: ToolCall, outcome: ToolOutcome | undefined): Result {
  const of = { type: 'tool-result' as const, toolCallId: id, toolName: name };
  if (outcome === undefined) throw new Error(`the call ${id} has no outcome`);
  if ('error' in outcome) {
    const { code, message } = outcome.error;
    return { ...of, output: { type: 'error-text', value: `${code}: ${message}` } };
  }
  return { ...of, output: { type: 'text', value: shown(outcome.output) } };
}

/** A result as models read it. */
export function shown(output: unknown): string {
  const text = typeof output === 'string' ? output : JSON.stringify(output);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}… (cut after ${SHOWN} characters)` : text;
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    // Some models send nothing at all for a tool without parameters.
    return { value: text.trim() === '' ? {} : JSON.parse(text) };
  } catch {
    return undefined;
  }
}
