import type { IncomingHttpHeaders } from 'node:http';
import { isUuid } from '../../../graphql/ids.ts';
import type { Sql } from '../../../platform/db/sql.ts';
import type { ViewerDatabase } from '../../../platform/db/viewer.ts';
import { loadWorkflow, type StoredWorkflow } from '../engine/start.ts';
import type { FaultsHere } from '../run-service.ts';
import { parseDefinition } from '../validation/validate.ts';
import { asRefusal, findTriggered, isTaken, startTriggered, type TriggerRefusal } from './start.ts';
import { webhookInput } from './webhook-input.ts';
import type { WebhookSecrets } from './webhook-secret.ts';
import { ciphertextOf } from './webhook-sql.ts';

export type WebhookRequest = {
  workflowId: string;
  /** Below the workflow's own address. */
  path: string;
  method: string;
  /** With the question mark, or empty. */
  search: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
};

/** Why a request starts nothing, for whoever has sent it. */
export class WebhookRefusal extends Error {
  override name = 'WebhookRefusal';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export type WebhookReceiver = ReturnType<typeof createWebhookReceiver>;

const SERVICE = { role: 'service_role' } as const;
/** As long as a run may wait for a place is nobody's to know; this is when it is worth asking again. */
const RETRY_SECONDS = '30';

/** Starts runs by signed requests, for whoever made the workflow. Who may send one is who knows the workflow's secret. */
export function createWebhookReceiver(options: {
  viewerDb: ViewerDatabase;
  secrets: WebhookSecrets;
  faultsHere: FaultsHere;
}) {
  const { viewerDb, secrets, faultsHere } = options;

  /** @returns the execution's id; the same for each delivery of one message. @throws {WebhookRefusal} */
  return (request: WebhookRequest): Promise<string> =>
    viewerDb.withViewer(SERVICE, async (viewer) => {
      const workflow = await authenticated(viewer.sql, request);
      assertFits(workflow, request);
      const start = startOf(workflow, request);
      try {
        return await viewer.transaction(({ sql }) => startTriggered(sql, start, faultsHere));
      } catch (error) {
        const winner = isTaken(error)
          ? await findTriggered(viewer.sql, workflow.createdBy ?? '', start.idempotencyKey)
          : undefined;
        if (winner !== undefined) return winner;
        throw refusalOf(asRefusal(error));
      }
    });

  /** The signature is the first thing that is asked for: without one, what is there and what is not are the same answer. */
  async function authenticated(sql: Sql, request: WebhookRequest): Promise<StoredWorkflow> {
    const id = request.workflowId;
    const sealed = isUuid(id) ? await ciphertextOf(sql, id) : undefined;
    const isSigned = secrets.isSigned(request, id, sealed);
    const workflow = isSigned ? await loadWorkflow(sql, id) : undefined;
    if (workflow) return workflow;
    throw new WebhookRefusal(401, 'The request is not signed with the secret of a workflow that is there.');
  }
}

function assertFits({ stored, enabled }: StoredWorkflow, { path, method }: WebhookRequest): void {
  const { definition, faults } = parseDefinition(stored);
  if (!definition) {
    const [first] = faults;
    throw new WebhookRefusal(409, `The workflow cannot be run: ${first?.path.join('.')} ${first?.message}.`);
  }
  const { trigger } = definition;
  if (trigger.type !== 'webhook' || trigger.path.replace(/^\//, '') !== path)
    throw new WebhookRefusal(404, 'The workflow is not started by requests to this path.');
  const expected = trigger.method ?? 'POST';
  if (method !== expected) throw new WebhookRefusal(405, `Use ${expected}.`, { allow: expected });
  if (!enabled) throw new WebhookRefusal(409, 'The workflow is disabled.');
}

const MAX_ID_LENGTH = 255;

function startOf(workflow: StoredWorkflow, request: WebhookRequest) {
  const messageId = String(request.headers['webhook-id']);
  if (messageId.length > MAX_ID_LENGTH)
    throw new WebhookRefusal(400, `webhook-id may have at most ${MAX_ID_LENGTH} characters.`);
  try {
    return {
      workflow,
      input: { ...webhookInput(request) },
      idempotencyKey: `webhook:${workflow.id}:${messageId}`,
      metadata: { trigger: 'webhook', messageId },
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new WebhookRefusal(400, error.message);
  }
}

function refusalOf(refusal: TriggerRefusal): unknown {
  const { code, message, cause } = refusal;
  // Nobody expected it: it is logged, and answered without its reason.
  if (code === 'FAILED') return cause;
  if (code === 'QUEUE_FULL') return new WebhookRefusal(429, message, { 'retry-after': RETRY_SECONDS });
  return new WebhookRefusal(409, message);
}
