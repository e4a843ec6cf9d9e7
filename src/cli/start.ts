import { once } from 'node:events';
import { DEMO_RUN } from '../app/demo.ts';
import { type Runcast, startRuncast } from '../app/runcast.ts';
import { DEMO_USER } from '../modules/accounts/demo-user.ts';
import { mintToken } from '../platform/auth/mint-token.ts';
import type { Config } from '../platform/config.ts';
import { messageOf } from '../platform/errors.ts';
import { createLifecycle } from '../platform/lifecycle.ts';
import type { Logger } from '../platform/logger.ts';
import { createDemoClient, type DemoClient, type RunSummary } from './demo-client.ts';
import { createProgressLine, type Output } from './progress-line.ts';

const TOKEN_SECONDS = 24 * 60 * 60;

export type StartContext = { signal: AbortSignal; output: Output };

/**
 * `runcast start`: everything that the configuration asks of this process, until `signal` is aborted.
 *
 * @returns the exit code: 0, or 1 where something did not stop in order
 * @throws {StartupError} where it cannot start; what had been started by then is stopped again
 */
export async function startCommand(
  { signal, output }: StartContext,
  config: Config,
  log: Logger,
): Promise<number> {
  const lifecycle = createLifecycle(log, config.shutdownGraceMs);
  const progress = (line: string) => output.write(`${line}\n`);
  try {
    const runcast = await startRuncast({ config, lifecycle, log, signal, progress });
    await greet(runcast, { config, output, signal });
    if (!signal.aborted) await once(signal, 'abort');
  } catch (error) {
    // Being asked to stop before it was up is no failure.
    if (!signal.aborted) {
      await lifecycle.stop();
      throw error;
    }
  }
  output.write('\nStopping …\n');
  const failures = await lifecycle.stop();
  return failures.length === 0 ? 0 : 1;
}

type Greeting = { config: Config; output: Output; signal: AbortSignal };

async function greet(
  { url, jwt, isNewWorkspace }: Runcast,
  { config, output, signal }: Greeting,
): Promise<void> {
  const say = (text: string) => output.write(`${text}\n`);
  if (!url) return void say('The worker is up. Ctrl-C stops it.');
  say(`\nRuncast is up at ${url}. Ctrl-C stops it.\n`);
  if (config.graphiql) say(`  Playground   ${url}/graphql`);
  if (!config.demo || !jwt.secret) return;

  const token = await mintToken(
    { ...jwt, secret: jwt.secret },
    { role: 'authenticated', sub: DEMO_USER.id, email: DEMO_USER.email },
    TOKEN_SECONDS,
  );
  say(
    `  Token        ${token}\n               (the demo user's, for 24 hours; another: npm run --silent token -- --user demo)`,
  );
  say(`  Headers      {"Authorization": "Bearer ${token}"}\n`);
  const client = createDemoClient({ url, token });
  const run = await runToShow(client, isNewWorkspace).catch((error) => {
    // A trainer that is not there, say: what else there is to serve needs no run.
    say(`No run is going: ${messageOf(error)}.`);
  });
  if (!run) return client.close();
  say(
    `Paste this into the playground to watch ${run.isOver ? 'the newest run again' : 'the run that is going'}:\n`,
  );
  say(subscriptionFor(run));
  if (!run.isOver) await follow(client, run, { output, signal });
}

async function runToShow(client: DemoClient, isNewWorkspace: boolean): Promise<RunSummary | undefined> {
  return isNewWorkspace ? await client.start(DEMO_RUN) : await client.newestRun();
}

/** Shows the run as one live line until it is over or the program is stopped. */
async function follow(
  client: DemoClient,
  run: RunSummary,
  { output, signal }: Omit<Greeting, 'config'>,
): Promise<void> {
  const line = createProgressLine(output, run.publicId);
  try {
    for await (const progress of client.watch(run.id, signal)) line.show(progress);
    if (signal.aborted) return line.end('');
    const ended = await client.run(run.id);
    const words = [`${run.id} ${ended.status.toLowerCase()}.`];
    if (ended.error) words.push(ended.error);
    if (ended.modelPath) words.push(`Its model: ${ended.modelPath}`);
    line.end(words.join(' '));
  } catch (error) {
    if (!signal.aborted) line.end(`The line above stands still: ${messageOf(error)}`);
  } finally {
    client.close();
  }
}

function subscriptionFor({ id }: RunSummary): string {
  return `subscription WatchRun {
  executionEvents(id: "${id}", after: 0) {
    lastSeq
    ended
    events {
      seq
      at
      __typename
      ... on StatusEvent { from to reason }
      ... on ProgressEvent { percent step totalSteps etaSeconds }
      ... on MetricEvent { step values }
      ... on LogEvent { level message }
    }
  }
}
`;
}
