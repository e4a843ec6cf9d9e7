import { isJsonOutput, said } from '../run/prompt.ts';
import { planned } from './plan.ts';
import { react } from './react.ts';
import { MAX_GOAL_STEPS, MAX_STEPS, type Strategy } from './strategies.ts';

/**
 * A plan, and after each goal a new one of what is left, out of what was found: until nothing is left, at most MAX_STEPS goals
 * in all. Each goal is worked on as in the hierarchical style.
 */
export const hybrid: Strategy = async (conversation) => {
  const { definition, opening, ask } = conversation;
  const request = 'Split this into goals, in the order in which they are to be reached.';
  const reached: string[] = [];
  let [goal] = await planned(conversation, opening, { key: 'plan/0', request });
  while (goal !== undefined && reached.length < MAX_STEPS) {
    const index = reached.length;
    const so = `Goals reached so far:\n${reached.join('\n') || 'none'}`;
    const task = said(`${so}\n\nReach this goal alone: ${goal}`);
    const options = { key: `goal/${index}`, maxSteps: MAX_GOAL_STEPS, isOutput: false };
    const { text } = await react(conversation, [...opening, task], options);
    reached.push(`${index + 1}. ${goal}: ${text}`);
    const left = `Goals reached so far:\n${reached.join('\n')}\n\nPlan what is left, by what was found. No steps where nothing is.`;
    [goal] = await planned(conversation, opening, { key: `plan/${index + 1}`, request: left });
  }
  const messages = [...opening, said(`This was reached:\n${reached.join('\n')}\n\nAnswer now.`)];
  const { text } = await ask('answer', { messages, isJson: isJsonOutput(definition) });
  return { text, messages };
};
