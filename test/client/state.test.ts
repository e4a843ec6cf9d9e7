import { afterEach, expect, it } from 'vitest';
import { type Client, createClient, type ExecutionState } from '../../src/client/index.ts';
import { QUICKLY } from '../support/client.ts';
import {
  type ScriptedOperation,
  type ScriptedServer,
  startScriptedServer,
} from '../support/scripted-server.ts';

let server: ScriptedServer;
let client: Client;
afterEach(async () => {
  client.close();
  await server.close();
});

const send = ({ next }: ScriptedOperation, lastSeq: number, status: string, progress: number) =>
  next({ data: { executionChanged: { lastSeq, status, progress } } });

it('reports a state once, none that is older than one before, and the last', async () => {
  const answers: ((operation: ScriptedOperation) => void)[] = [
    (operation) => {
      send(operation, 5, 'RUNNING', 40);
      operation.close(1001);
    },
    (operation) => {
      send(operation, 4, 'RUNNING', 30);
      send(operation, 5, 'RUNNING', 40);
      operation.complete();
    },
    (operation) => {
      send(operation, 6, 'COMPLETED', 100);
      send(operation, 6, 'COMPLETED', 100);
      operation.complete();
    },
  ];
  server = await startScriptedServer({ onSubscribe: (operation, before) => answers[before]?.(operation) });
  client = createClient({ url: server.url, token: 'any', ...QUICKLY });
  const reported: ExecutionState[] = [];
  const states: string[] = [];
  const watch = client.watchState('exec_1', {
    onChange: (value) => void reported.push(value),
    onState: (state) => void states.push(state),
  });
  expect(await watch.done).toMatchObject({ status: 'COMPLETED' });
  expect(reported.map(({ progress }) => progress)).toEqual([40, 100]);
  expect(states).toEqual(['live', 'connecting', 'live', 'connecting', 'live', 'ended']);
});
