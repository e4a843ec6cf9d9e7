import { createServiceDatabase } from '../../../src/platform/db/service.ts';
import type { SendHint } from '../../../src/platform/live/hint-source.ts';
import { startApi, type TestApi } from '../api.ts';
import { connectFeed, type FeedClient, insertTraining } from '../feed.ts';
import { type CapturedLog, captureLog } from '../log.ts';
import { follow } from './follower.ts';
import { openScene, type Scene } from './scene.ts';
import { bySql, completion } from './writer.ts';

export type ApiScene = Scene & {
  api: TestApi;
  admin: FeedClient;
  log: CapturedLog;
  [Symbol.asyncDispose](): Promise<void>;
};

const FOLLOWERS = 3;

/**
 * An API in this process with three followers of a run, to which others write past it, as workers do.
 *
 * @param options.through the API's way to Postgres; the writers go straight there
 */
export async function openApiScene({
  writers,
  sendHint,
  ...options
}: {
  writers: number;
  through?: (url: string) => string;
  redisUrl?: string;
  sendHint?: SendHint;
}): Promise<ApiScene> {
  await using stack = new AsyncDisposableStack();
  const log = captureLog();
  const api = await startApi({ log: log.log, ...options });
  stack.defer(() => api.close());
  await api.live.started;
  const admin = stack.use(await connectFeed(api.database.admin));
  const database = createServiceDatabase({
    ...{ url: api.database.worker, poolSize: writers, log: log.log },
    ...(sendHint && { sendHint }),
  });
  stack.defer(() => database.close());

  const user = await api.makeUser();
  const id = await insertTraining(admin, user.id, { status: 'running' });
  const scene = openScene({
    id,
    writes: Array.from({ length: writers }, () => bySql(database.sql, id)),
    followers: Array.from({ length: FOLLOWERS }, () => follow(api.socket(user), id)),
    complete: () => completion(database.sql, id),
    admin: async () => admin,
  });
  const parts = stack.move();
  return { ...scene, api, admin, log, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
