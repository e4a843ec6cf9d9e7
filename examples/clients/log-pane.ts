import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'graphql-ws';

const { RUNCAST_URL: url = 'ws://127.0.0.1:4000/graphql', TOKEN: token, RUN: id } = process.env;

const query = `subscription Log($id: ID!, $after: Int!) {
  executionEvents(id: $id, after: $after) { lastSeq ended events { seq ... on LogEvent { level message } } }
}`;
type Batch = { lastSeq: number; ended: boolean; events: { seq: number; message?: string }[] };

const client = createClient({ url, connectionParams: { token } });
let after = 0;
for (let hasEnded = false; !hasEnded; ) {
  try {
    const results = client.iterate<{ executionEvents: Batch }>({ query, variables: { id, after } });
    for await (const { data } of results) {
      const { events, lastSeq, ended } = data?.executionEvents ?? {
        events: [],
        lastSeq: after,
        ended: false,
      };
      for (const { message } of events) if (message !== undefined) console.log(message);
      after = lastSeq;
      hasEnded = ended;
    }
  } catch (error) {
    // What the API itself refuses comes as a list, and asking again would not help.
    if (Array.isArray(error)) throw new Error(error[0].message);
    await pause(1_000); // The socket is gone; the next round goes on after the last line that was shown.
  }
}
await client.dispose();
