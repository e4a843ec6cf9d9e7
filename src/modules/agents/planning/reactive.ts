import { react } from './react.ts';
import { MAX_STEPS, type Strategy } from './strategies.ts';

/** What comes next is decided from what has come of the last calls, until the model calls no tool. At most MAX_STEPS answers. */
export const reactive: Strategy = (conversation) =>
  react(conversation, conversation.opening, { key: 'model', maxSteps: MAX_STEPS, isOutput: true });
