import type { IncomingMessage, ServerResponse } from 'node:http';
import { claimsOf, type Verify } from '../../graphql/authorization.ts';
import {
  type ErrorCode,
  ExpectedError,
  UnauthenticatedError,
  ValidationError,
} from '../../graphql/errors.ts';
import { searchable } from '../../graphql/ids.ts';
import type { Claims } from '../../platform/db/claims.ts';
import type { Lease } from '../../platform/db/lease.ts';
import type { ViewerDatabase } from '../../platform/db/viewer.ts';
import { messageOf } from '../../platform/errors.ts';
import { BodyError, readJson, sendJson } from '../../platform/http.ts';
import { loadEvents } from '../executions/feed.ts';
import type { TrainingService } from './service.ts';

/** The status endpoint answers with the newest lines; the feed has them all. */
export const NEWEST_LINES = 1_000;

const STATUS_OF: Record<ErrorCode, number> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  VALIDATION_FAILED: 400,
  CONFLICT: 409,
  PROVIDER_UNAVAILABLE: 503,
  NOT_CONFIGURED: 503,
  EXECUTION_ENDED: 409,
  EXECUTION_NOT_ENDED: 409,
  LIMIT_REACHED: 429,
};

/** Parameters that existing clients send and that are kept with the run. */
const KEPT = [
  'output_dir',
  'openai_model',
  'openai_n_epochs',
  'openai_batch_size',
  'openai_learning_rate_multiplier',
] as const;

/** Names that clients of these endpoints know the input's fields by. */
const REST_NAMES: Record<string, string> = { publicId: 'public_id', callbackUrl: 'callback_url' };

type Options = {
  service: TrainingService;
  viewerDb: ViewerDatabase;
  verify: Verify;
  /** Reports what nobody expected and returns the id it is logged under. */
  report(error: unknown): string;
};

/**
 * The platform's two HTTP endpoints, as its clients call them: the same use cases as GraphQL's, other names.
 *
 * @returns whether the request was for one of them, and is being answered
 */
export function createTrainingEndpoints(options: Options) {
  return (request: IncomingMessage, response: ServerResponse, path: string): boolean => {
    const id = /^\/api\/training\/execute\/([^/]+)\/status\/?$/.exec(path)?.[1];
    const isExecute = /^\/api\/training\/execute\/?$/.test(path);
    if (!isExecute && id === undefined) return false;
    const method = isExecute ? 'POST' : 'GET';
    if (request.method !== method) {
      response.setHeader('allow', method);
      sendJson(response, 405, { error: `Use ${method}.` });
      return true;
    }
    const work = id === undefined ? () => execute(request, options) : () => status(request, id, options);
    void answer(response, work, options.report);
    return true;
  };
}

async function answer(
  response: ServerResponse,
  work: () => Promise<object>,
  report: Options['report'],
): Promise<void> {
  try {
    sendJson(response, 200, await work());
  } catch (error) {
    if (error instanceof BodyError) return sendJson(response, error.status, { error: error.message });
    if (error instanceof ValidationError) {
      return sendJson(response, 400, { error: 'Invalid request.', details: details(error) });
    }
    if (error instanceof ExpectedError) {
      const { message, remedy } = error;
      return sendJson(response, STATUS_OF[error.code], {
        error: message,
        ...(remedy && { details: remedy }),
      });
    }
    const errorId = report(error);
    sendJson(response, 500, {
      error: 'Unexpected error.',
      details: `Its id in the server’s log is ${errorId}.`,
    });
  }
}

function details({ fields }: ValidationError): string {
  return fields
    .map(({ path: [, ...path], message }) => {
      const [first = 'body', ...rest] = path;
      return `${[REST_NAMES[first] ?? first, ...rest].join('.')}: ${message}`;
    })
    .join('; ');
}

async function execute(request: IncomingMessage, { service, viewerDb, verify }: Options): Promise<object> {
  const { claims, userId } = await userOf(request, verify);
  const body = await readJson(request);
  const { public_id, method, provider, callback_url } = body;
  const config = Object.fromEntries(
    KEPT.filter((name) => body[name] != null).map((name) => [name, body[name]]),
  );
  const input = { publicId: public_id, method, provider, callbackUrl: callback_url, config };
  return withLease(viewerDb, claims, async (db) => {
    const id = await service.start(db, userId, input);
    const run = await db.prisma.trainingExecution.findUniqueOrThrow({
      where: { id },
      select: {
        status: true,
        provider: true,
        colabUrl: true,
        huggingfaceUrl: true,
        openaiJobId: true,
        startedAt: true,
        createdAt: true,
      },
    });
    return {
      execution_id: id,
      status: run.status,
      provider: run.provider,
      ...present({
        colab_url: run.colabUrl,
        huggingface_url: run.huggingfaceUrl,
        openai_job_id: run.openaiJobId,
      }),
      message: `Training of ${JSON.stringify(input.publicId)} was started; ask for its status with its execution_id.`,
      // Clients read a moment here; one that waits for a worker was asked for then.
      started_at: (run.startedAt ?? run.createdAt).toISOString(),
    };
  });
}

async function status(
  request: IncomingMessage,
  encodedId: string,
  { viewerDb, verify }: Options,
): Promise<object> {
  const { claims } = await userOf(request, verify);
  const id = decoded(encodedId);
  return withLease(viewerDb, claims, async ({ prisma, sql }) => {
    const run = await prisma.trainingExecution.findUnique({
      where: { id },
      select: { status: true, progress: true, error: true, result: true },
    });
    if (run === null) throw new ExpectedError('NOT_FOUND', 'There is no such execution.');
    const range = { after: 0, before: undefined, types: ['log'], limit: NEWEST_LINES, from: 'end' } as const;
    const lines = (await loadEvents(sql, 'training', [id], range)).get(id) ?? [];
    return {
      execution_id: id,
      status: run.status,
      progress: run.progress,
      logs: lines.flatMap((event) => (event.type === 'log' ? [event.payload.message] : [])),
      ...present({ error: run.error, result: run.result }),
    };
  });
}

async function withLease<T>(
  viewerDb: ViewerDatabase,
  claims: Claims,
  work: (db: Lease) => Promise<T>,
): Promise<T> {
  const lease = await viewerDb.lease(claims);
  try {
    return await lease.run(async () => await work(lease));
  } finally {
    lease.release();
  }
}

async function userOf(request: IncomingMessage, verify: Verify): Promise<{ claims: Claims; userId: string }> {
  const claims = await claimsOf(request.headers.authorization, verify).catch((error) => {
    throw new UnauthenticatedError(messageOf(error));
  });
  if (claims.sub === undefined) throw new UnauthenticatedError();
  return { claims, userId: claims.sub };
}

function decoded(id: string): string {
  try {
    return searchable(decodeURIComponent(id));
  } catch {
    return id;
  }
}

function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null));
}
