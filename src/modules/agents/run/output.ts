import { AgentFailure } from '../failure.ts';
import type { Message } from '../models/servers.ts';
import type { ValidateJson } from '../ports.ts';
import type { Conversation } from './conversation.ts';
import { isJsonOutput, said } from './prompt.ts';

/** What a strategy has come to: the last answer, and the conversation before it. */
export type Answer = { text: string; messages: readonly Message[] };

const SHOWN_FAULTS = 20;

/**
 * The output that an answer stands for. One that is no JSON, or does not match the output schema, is asked for once more, with
 * what is wrong with it.
 *
 * @param tries which try of the run it is: each may ask for a repair of its own
 * @throws {AgentFailure} OUTPUT_INVALID
 */
export async function outputOf(
  answer: Answer,
  conversation: Conversation,
  { tries, validateJson }: { tries: number; validateJson: ValidateJson },
): Promise<unknown> {
  const { definition } = conversation;
  if (!isJsonOutput(definition)) return answer.text;
  const first = await readJson(answer.text, definition.output_schema, validateJson);
  if ('output' in first) return first.output;
  const messages: Message[] = [
    ...answer.messages,
    { role: 'assistant', content: [{ type: 'text', text: answer.text }] },
    said(`That is not what was asked for: ${first.fault}. Answer again, with the JSON alone.`),
  ];
  const { text } = await conversation.ask(`repair/${tries}`, { messages, isJson: true });
  const second = await readJson(text, definition.output_schema, validateJson);
  if ('output' in second) return second.output;
  throw invalid(second.fault);
}

/** The same of an output that no model made: there is nobody to repair it. */
export async function checkedOutput(
  output: unknown,
  schema: unknown,
  validateJson: ValidateJson,
): Promise<unknown> {
  const faults = schema === undefined ? [] : await validateJson(schema, output);
  if (faults.length > 0) throw invalid(told(faults));
  return output;
}

async function readJson(
  text: string,
  schema: unknown,
  validateJson: ValidateJson,
): Promise<{ output: unknown } | { fault: string }> {
  let output: unknown;
  try {
    output = JSON.parse(withoutFence(text));
  } catch {
    return { fault: 'it is no JSON' };
  }
  const faults = schema === undefined ? [] : await validateJson(schema, output);
  return faults.length === 0 ? { output } : { fault: told(faults) };
}

function told(faults: readonly { path: string[]; message: string }[]): string {
  return faults
    .slice(0, SHOWN_FAULTS)
    .map(({ path, message }) => (path.length > 0 ? `${path.join('.')} ${message}` : message))
    .join('; ');
}

/** Models like to wrap JSON for Markdown, whatever they were told. */
export function withoutFence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed.startsWith('```') || !trimmed.endsWith('```')) return trimmed;
  const inner = trimmed.slice(3, -3);
  return inner.slice(inner.indexOf('\n') + 1);
}

function invalid(fault: string): AgentFailure {
  return new AgentFailure(
    { code: 'OUTPUT_INVALID', message: `the output is not what the agent promises: ${fault}` },
    { mayRetry: true },
  );
}
