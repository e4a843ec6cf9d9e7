import type { Conversation } from '../run/conversation.ts';
import type { Answer } from '../run/output.ts';

/** Answers of a model at most, where each is a reaction to the one before. */
export const MAX_STEPS = 25;
/** The same within one goal of a plan. */
export const MAX_GOAL_STEPS = 10;

/**
 * How an agent with a model goes about its work. It decides by nothing but the conversation: a worker that takes a run over
 * begins it again, and the journal answers what was asked and called before.
 */
export type Strategy = (conversation: Conversation) => Promise<Answer>;
