import { isJsonOutput, said } from '../run/prompt.ts';
import type { Strategy } from './strategies.ts';

/**
 * One question which calls are needed, all of these at the same time (at most maxConcurrentOperations), and one question for
 * the answer. Two steps.
 */
export const parallel: Strategy = async (conversation) => {
  const { definition, opening, tools, ask, follow } = conversation;
  const isJson = isJsonOutput(definition);
  if (tools.length === 0) {
    const { text } = await ask('model/0', { messages: opening, isJson });
    return { text, messages: opening };
  }
  const asked = [
    ...opening,
    said('Make every call of a tool that you need now, all at once: there is no second time.'),
  ];
  const reply = await ask('model/0', { messages: asked, tools, isOutput: false });
  const called = reply.toolCalls.length > 0 ? await follow('model/0', reply) : [];
  const messages = [...asked, ...called, said('Answer now.')];
  const { text } = await ask('model/1', { messages, isJson });
  return { text, messages };
};
