import type { Message } from '../models/servers.ts';

/**
 * What of a conversation a model is shown: what it was told at the beginning (system and the first question), and of the rest
 * the newest messages. A tool's result never stands without the call that it belongs to.
 *
 * @param size how many of the rest; default: all
 */
export function newest(messages: readonly Message[], size = Number.POSITIVE_INFINITY): Message[] {
  const first = messages.findIndex(({ role }) => role === 'user') + 1;
  const rest = messages.slice(first);
  let from = Math.max(0, rest.length - size);
  while (rest[from]?.role === 'tool') from += 1;
  return [...messages.slice(0, first), ...rest.slice(from)];
}
