import type { Message } from '../models/servers.ts';
import type { Conversation } from '../run/conversation.ts';
import type { Answer } from '../run/output.ts';
import { isJsonOutput } from '../run/prompt.ts';

/**
 * Asks, makes the calls that the answer asks for, shows their results and asks again, until an answer asks for none. The last
 * question that the limit allows comes without tools, so that there is an answer in any case.
 *
 * @param options.key what the keys of its steps begin with
 * @param options.maxSteps answers at most
 * @param options.isOutput whether what it says is the run's output, rather than a note on the way there
 */
export async function react(
  conversation: Conversation,
  messages: readonly Message[],
  options: { key: string; maxSteps: number; isOutput: boolean },
): Promise<Answer> {
  const { key, maxSteps, isOutput } = options;
  const { definition, tools, ask, follow } = conversation;
  let before = [...messages];
  for (let step = 0; ; step += 1) {
    const at = `${key}/${step}`;
    const isLast = step === maxSteps - 1 || tools.length === 0;
    const reply = await ask(at, {
      messages: before,
      isOutput,
      ...(isLast ? { isJson: isOutput && isJsonOutput(definition) } : { tools }),
    });
    if (isLast || reply.toolCalls.length === 0) return { text: reply.text, messages: before };
    before = [...before, ...(await follow(at, reply))];
  }
}
