import { messageOf } from '../../../../src/platform/errors.ts';
import type { Caller } from './caller.ts';
import type { Checker } from './checker.ts';
import type { Subscription } from './subscription.ts';
import type { Viewer } from './world.ts';

type StreamCallerOptions = { viewer: Viewer; url: string; token: () => Promise<string>; checker: Checker };

/** A viewer who subscribes over server-sent events: a response for each. */
export class StreamCaller implements Caller {
  readonly viewer: Viewer;
  readonly #options: StreamCallerOptions;
  readonly #responses = new Map<Subscription, AbortController>();

  constructor(options: StreamCallerOptions) {
    this.viewer = options.viewer;
    this.#options = options;
  }

  going(): Subscription[] {
    return [...this.#responses.keys()].filter(({ overAt }) => overAt === undefined);
  }

  async subscribe(subscription: Subscription): Promise<void> {
    const controller = new AbortController();
    const { url, token, checker } = this.#options;
    this.#responses.set(subscription, controller);
    checker.begun(subscription);
    const response = await openStream(url, await token(), subscription, controller.signal);
    void this.#read(subscription, response);
  }

  async complete(subscription: Subscription): Promise<void> {
    this.#options.checker.over(subscription);
    this.#responses.get(subscription)?.abort();
  }

  drop(): void {
    for (const subscription of this.going()) void this.complete(subscription);
  }

  async #read(subscription: Subscription, response: Response): Promise<void> {
    const { checker } = this.#options;
    try {
      for await (const { name, data } of eventsOf(response)) {
        if (name === 'next') checker.next(subscription, JSON.parse(data));
        if (name === 'complete') checker.completed(subscription);
      }
    } catch (error) {
      if (subscription.overAt === undefined) checker.fault('a stream broke', messageOf(error));
    } finally {
      checker.over(subscription);
      this.#responses.delete(subscription);
    }
  }
}

export function openStream(
  url: string,
  token: string | undefined,
  { query, variables }: Pick<Subscription, 'query' | 'variables'>,
  signal: AbortSignal,
): Promise<Response> {
  return fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
    signal,
  });
}

export async function* eventsOf(response: Response): AsyncGenerator<{ name: string; data: string }> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const frames = text.split('\n\n');
    text = frames.pop() ?? '';
    for (const frame of frames) {
      const [, name] = /^event: ?(\w+)$/m.exec(frame) ?? [];
      const [, data = ''] = /^data: ?(.*)$/m.exec(frame) ?? [];
      if (name !== undefined) yield { name, data };
    }
  }
}
