import { z } from 'zod';
import { AgentFailure } from '../failure.ts';
import type { Message } from '../models/servers.ts';
import type { Conversation } from '../run/conversation.ts';
import { withoutFence } from '../run/output.ts';
import { said } from '../run/prompt.ts';

export const MAX_GOALS = 20;

const plan = z.object({
  steps: z.array(z.object({ goal: z.string().trim().min(1).max(2_000) })).max(MAX_GOALS),
});

const SHAPE = `{"steps": [{"goal": "…"}]}, with at most ${MAX_GOALS} steps`;

/**
 * The goals that a model splits what is asked into, in their order. An answer of another shape is asked for once more.
 *
 * @param options.request what is to be planned
 * @throws {AgentFailure} PLAN_INVALID
 */
export async function planned(
  { ask, definition }: Conversation,
  messages: readonly Message[],
  { key, request }: { key: string; request: string },
): Promise<string[]> {
  const tools = definition.tools.map(({ name, description }) => `${name}: ${description}`).join('\n');
  const offered = tools === '' ? '' : ` The steps may use these tools:\n${tools}\n`;
  const question = said(`${request}${offered} Answer with JSON of the form ${SHAPE}, and nothing else.`);
  const first = await ask(key, { messages: [...messages, question], isJson: true, isOutput: false });
  const goals = goalsIn(first.text);
  if (goals) return goals;
  const again: Message[] = [
    ...messages,
    question,
    { role: 'assistant', content: [{ type: 'text', text: first.text }] },
    said(`That is no plan of that form: answer with ${SHAPE}.`),
  ];
  const second = await ask(`${key}/repair`, { messages: again, isJson: true, isOutput: false });
  const repaired = goalsIn(second.text);
  if (repaired) return repaired;
  throw new AgentFailure(
    { code: 'PLAN_INVALID', message: 'the model gave no plan that can be read' },
    { mayRetry: true },
  );
}

function goalsIn(text: string): string[] | undefined {
  try {
    return plan.parse(JSON.parse(withoutFence(text))).steps.map(({ goal }) => goal);
  } catch {
    return undefined;
  }
}
