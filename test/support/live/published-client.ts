import { createClient, type ExecutionEvent } from '../../../src/client/index.ts';
import { messageOf } from '../../../src/platform/errors.ts';
import type { StartWatching } from './watching-client.ts';

/**
 * Watches runs by the client that we publish. It takes care of order and doubles by itself, so what is counted behind
 * it is what its users get; what the server sent is for the lean client to show.
 */
export const startPublishedClient: StartWatching = ({ url, token, runs, ...on }) => {
  const client = createClient({ url: `${url}/graphql`, token, transport: 'websocket' });
  let isLive = false;
  for (const watched of runs) {
    const { done } = client.watchExecution(watched.run, {
      after: watched.after,
      onEvent: (event) => on.onBatch(watched, { events: [event], lastSeq: event.seq, ended: isEnd(event) }),
      onState(state, error) {
        if (state !== 'connecting') isLive = true;
        else if (error) {
          on.onClose?.({ wasLive: isLive });
          isLive = false;
        }
      },
    });
    done.catch((error) => on.onRefused?.(watched, messageOf(error)));
  }
  return { close: () => client.close() };
};

function isEnd(event: ExecutionEvent): boolean {
  return event.type === 'STATUS' && ['completed', 'failed', 'cancelled'].includes(event.to);
}
