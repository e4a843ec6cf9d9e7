/** A message of a stream of server-sent events. */
export type StreamMessage = { event: string; data: string };

/**
 * Takes a stream's text in whatever pieces it comes and gives the messages that are complete, as
 * https://html.spec.whatwg.org/multipage/server-sent-events.html says; comments, ids and retry times are left out.
 */
export function createEventStreamParser(): (text: string) => StreamMessage[] {
  let rest = '';
  let event = 'message';
  let data: string[] = [];

  function take(line: string): StreamMessage | undefined {
    if (line === '') return dispatch();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') event = value;
    if (field === 'data') data.push(value);
    return undefined;
  }

  function dispatch(): StreamMessage | undefined {
    const message = data.length > 0 ? { event, data: data.join('\n') } : undefined;
    event = 'message';
    data = [];
    return message;
  }

  return (text) => {
    // A carriage return at the end may be half of a line break.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    return lines.map(take).filter((message) => message !== undefined);
  };
}
