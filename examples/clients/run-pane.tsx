import type { Client } from 'runcast/client';
import { useExecution } from 'runcast/client/react';

/** A run as it is going: how far it is, its newest lines, and whether they are the newest. */
export function RunPane({ client, id }: { client: Client; id: string }) {
  const { events, status, progress, state, error } = useExecution(client, id, { newest: 200 });
  return (
    <section>
      <output>{state === 'live' || state === 'ended' ? status : `${state}…`}</output>
      <progress max={100} value={progress?.percent ?? 0} />
      {error instanceof Error && <p role="alert">{error.message}</p>}
      <pre>{events.map((event) => (event.type === 'LOG' ? `${event.message}\n` : ''))}</pre>
    </section>
  );
}
