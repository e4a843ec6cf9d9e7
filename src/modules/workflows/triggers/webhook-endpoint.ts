import type { IncomingMessage, ServerResponse } from 'node:http';
import { BodyError, readBody, sendJson } from '../../../platform/http.ts';
import { type WebhookReceiver, WebhookRefusal } from './webhook-requests.ts';

/** Where a workflow's webhook is, below where the server is reached. */
export function webhookPath(workflowId: string, path: string): string {
  return `/api/workflows/${workflowId}/${path.replace(/^\//, '')}`;
}

/**
 * `/api/workflows/{workflowId}/{path}`: a signed request starts a run and is answered with its id.
 *
 * @param options.report reports what nobody expected and returns the id it is logged under
 * @returns whether the request was for such a path, and is being answered
 */
export function createWebhookEndpoint(options: { receive: WebhookReceiver; report(error: unknown): string }) {
  return (request: IncomingMessage, response: ServerResponse, pathname: string): boolean => {
    const [, workflowId, path] = /^\/api\/workflows\/([^/]+)\/(.+?)\/?$/.exec(pathname) ?? [];
    if (workflowId === undefined || path === undefined) return false;
    void answer(request, response, { workflowId, path }, options);
    return true;
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  to: { workflowId: string; path: string },
  { receive, report }: { receive: WebhookReceiver; report(error: unknown): string },
): Promise<void> {
  try {
    const { url = '', method = '', headers } = request;
    const body = await readBody(request);
    const search = url.includes('?') ? url.slice(url.indexOf('?')) : '';
    const executionId = await receive({ ...to, method, search, headers, body });
    sendJson(response, 202, { execution_id: executionId });
  } catch (error) {
    if (error instanceof BodyError) return sendJson(response, error.status, { error: error.message });
    if (error instanceof WebhookRefusal) {
      for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
      return sendJson(response, error.status, { error: error.message });
    }
    const errorId = report(error);
    sendJson(response, 500, {
      error: 'Unexpected error.',
      details: `Its id in the server’s log is ${errorId}.`,
    });
  }
}
