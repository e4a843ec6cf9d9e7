import type { Client } from 'graphql-ws/client';
import { connectionLost, RuncastError, refusalOf } from './errors.ts';
import { type Data, dataOf, type Operation } from './transport.ts';

type Listener = {
  onData(data: Data): void;
  /** The last call: with what went wrong, or without where the server has completed it. */
  onOver(failure?: RuncastError): void;
};

/**
 * Runs an operation over a client of graphql-ws.
 *
 * @returns how to leave it; the listener hears nothing more then. It says whether the operation still ran
 */
export function runOperation(
  client: Client,
  { query, variables }: Operation,
  { onData, onOver }: Listener,
): () => boolean {
  let isOver = false;
  const over = (failure?: RuncastError) => {
    if (isOver) return;
    isOver = true;
    onOver(failure);
  };
  const leave = client.subscribe(
    { query, variables: variables() },
    {
      next(result) {
        if (isOver) return;
        const data = dataOf(result);
        if (!(data instanceof RuncastError)) return onData(data);
        leaveSoon();
        over(data);
      },
      error: (error) =>
        over(Array.isArray(error) ? refusalOf(error) : connectionLost('The WebSocket broke.', error)),
      complete: () => over(),
    },
  );
  // graphql-ws counts an operation out twice that is left and completed within one task, and then closes the socket
  // under the others.
  const leaveSoon = () => setTimeout(leave);

  return () => {
    if (isOver) return false;
    isOver = true;
    leaveSoon();
    return true;
  };
}
