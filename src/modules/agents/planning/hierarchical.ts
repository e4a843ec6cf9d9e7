import { isJsonOutput, said } from '../run/prompt.ts';
import { planned } from './plan.ts';
import { react } from './react.ts';
import { MAX_GOAL_STEPS, type Strategy } from './strategies.ts';

/**
 * A plan first, of at most 20 goals; then each goal for itself, reacting to what its tools give, in at most MAX_GOAL_STEPS
 * answers; then an answer out of what the goals have come to.
 */
export const hierarchical: Strategy = async (conversation) => {
  const { definition, opening, ask } = conversation;
  const request = 'Split this into goals, in the order in which they are to be reached.';
  const goals = await planned(conversation, opening, { key: 'plan', request });
  const reached: string[] = [];
  for (const [index, goal] of goals.entries()) {
    const task = said(
      `Goals reached so far:\n${reached.join('\n') || 'none'}\n\nReach this goal alone: ${goal}`,
    );
    const options = { key: `goal/${index}`, maxSteps: MAX_GOAL_STEPS, isOutput: false };
    const { text } = await react(conversation, [...opening, task], options);
    reached.push(`${index + 1}. ${goal}: ${text}`);
  }
  const messages = [...opening, said(`All goals have been worked on:\n${reached.join('\n')}\n\nAnswer now.`)];
  const { text } = await ask('answer', { messages, isJson: isJsonOutput(definition) });
  return { text, messages };
};
