import { createClient } from 'runcast/client';

const { RUNCAST_URL: url = 'http://127.0.0.1:4000/graphql', TOKEN: token = '', RUN: id = '' } = process.env;

const client = createClient({ url, token });
// Whatever breaks in between: every event, once, in order, until the run has ended.
for await (const event of client.watchExecution(id)) {
  if (event.type === 'LOG') console.log(event.message);
}
client.close();
