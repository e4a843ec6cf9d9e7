import { isJsonOutput, said } from '../run/prompt.ts';
import type { Strategy } from './strategies.ts';

/**
 * The tools in the order in which they are given, each once: the model fills in the arguments of one after the other and sees
 * what has come of those before, then answers. Steps: one for each tool, and one for the answer.
 */
export const sequential: Strategy = async (conversation) => {
  const { definition, opening, ask, follow, toolsOf } = conversation;
  let messages = [...opening];
  for (const [index, tool] of definition.tools.entries()) {
    const key = `model/${index}`;
    const tools = toolsOf(tool);
    const [only] = tools;
    const toolName = only?.type === 'function' ? only.name : tool.name;
    const reply = await ask(key, {
      messages,
      tools,
      toolChoice: { type: 'tool', toolName },
      isOutput: false,
    });
    // One that calls nothing although it must has said something, and is taken at its word.
    messages = [
      ...messages,
      ...(await follow(key, { ...reply, toolCalls: reply.toolCalls.slice(0, 1) })),
    ].filter(({ content }) => content.length > 0);
  }
  if (definition.tools.length > 0) messages.push(said('All tools have been called. Answer now.'));
  const { text } = await ask(`model/${definition.tools.length}`, {
    messages,
    isJson: isJsonOutput(definition),
  });
  return { text, messages };
};
