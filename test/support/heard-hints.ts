import type { FeedHint, HintHandlers } from '../../src/platform/live/hint-source.ts';

export type Heard = { feed: FeedHint } | { access: string } | { gap: true };

/** Handlers that write down what they are told, and let a test wait for the next of it. */
export function hearHints(): HintHandlers & {
  heard: Heard[];
  /** Resolves with the next one for which this holds, of those that nobody has waited for yet. */
  next(holds: (heard: Heard) => boolean): Promise<Heard>;
} {
  const heard: Heard[] = [];
  let taken = 0;
  let arrived = Promise.withResolvers<void>();
  const hear = (one: Heard) => {
    heard.push(one);
    arrived.resolve();
    arrived = Promise.withResolvers();
  };
  return {
    heard,
    onFeed: (feed) => hear({ feed }),
    onAccess: (access) => hear({ access }),
    onGap: () => hear({ gap: true }),
    async next(holds) {
      for (;;) {
        while (taken < heard.length) {
          const one = heard[taken];
          taken += 1;
          if (one && holds(one)) return one;
        }
        await arrived.promise;
      }
    },
  };
}

export const isGap = (heard: Heard): boolean => 'gap' in heard;
export const isOf = (id: string) => (heard: Heard) => 'feed' in heard && heard.feed.id === id;
