import { expect, it, onTestFinished } from 'vitest';
import { openAgentRuns } from '../../support/agent-runs.ts';
import { startModelServer } from '../../support/model-server.ts';

it('runs an agent on a model server, and its tokens come to a subscriber while the model still speaks', async () => {
  const heard = Promise.withResolvers<void>();
  const server = await startModelServer([
    { text: ['Good ', 'day'], between: (piece) => (piece === 1 ? heard.promise : Promise.resolve()) },
  ]);
  onTestFinished(server.close);
  const runs = await openAgentRuns({ baseUrl: server.baseUrl });
  onTestFinished(runs.close);
  const id = await runs.run(await runs.agent(), { stream: true });

  const first = await runs.events(id, ({ delta }) => delta === 'Good ');
  expect(first.at(-1)).toMatchObject({ delta: 'Good ' });
  // The second piece is sent only now: the first one came live.
  heard.resolve();
  const all = await runs.events(id);
  expect(all.flatMap(({ delta }) => delta ?? [])).toEqual(['Good ', 'day']);
  expect(all.at(-1)).toMatchObject({ from: 'running', to: 'completed' });
  expect(await runs.state(id)).toMatchObject({ status: 'COMPLETED', output: 'Good day', error: null });
});
