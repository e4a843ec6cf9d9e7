import type { IncomingMessage, ServerResponse } from 'node:http';
import { searchable } from '../../../graphql/ids.ts';
import type { ViewerDatabase } from '../../../platform/db/viewer.ts';
import { FeedError } from '../../../platform/feed/errors.ts';
import { BodyError, readBody, sendJson } from '../../../platform/http.ts';
import { decideApproval } from '../engine/sql.ts';
import type { Answer, ApprovalLinks } from './links.ts';
import {
  decidedPage,
  expiredPage,
  failedPage,
  forgedPage,
  MAX_COMMENT,
  overPage,
  type Page,
  questionPage,
  sendPage,
} from './pages.ts';
import { loadQuestions, type Question } from './question.ts';

type Options = {
  /** Undefined where no key is configured: then no link is ours. */
  links: ApprovalLinks | undefined;
  viewerDb: ViewerDatabase;
  /** Reports what nobody expected and returns the id it is logged under. */
  report(error: unknown): string;
};

const SERVICE = { role: 'service_role' } as const;
/** A comment in which every letter takes twelve, as percent-encoded ones outside the BMP do, with its name. */
const MAX_FORM_BYTES = 32_768;

/** `/approvals/{token}`: GET asks, POST decides. Whoever has the link has the right that it was made for, once. */
export function createApprovalEndpoint(options: Options) {
  return (request: IncomingMessage, response: ServerResponse, path: string): boolean => {
    const token = /^\/approvals\/([^/]+)\/?$/.exec(path)?.[1];
    if (token === undefined) return false;
    void answer(request, response, token, options);
    return true;
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, token: string, options: Options) {
  try {
    const { method } = request;
    if (method === 'GET' || method === 'HEAD') sendPage(response, await asked(token, options));
    else if (method === 'POST') {
      const form = new URLSearchParams((await readBody(request, MAX_FORM_BYTES)).toString('utf8'));
      sendPage(response, await decided(token, form.get('comment') ?? '', options));
    } else {
      response.setHeader('allow', 'GET, HEAD, POST');
      sendJson(response, 405, { error: 'Use GET or POST.' });
    }
  } catch (error) {
    if (error instanceof BodyError) return sendJson(response, error.status, { error: error.message });
    sendPage(response, failedPage(options.report(error)));
  }
}

async function asked(token: string, options: Options): Promise<Page> {
  const { answer, question, page } = await opened(token, options);
  return page ?? questionPage(question, answer);
}

async function decided(token: string, comment: string, options: Options): Promise<Page> {
  const { answer, question, page } = await opened(token, options);
  if (page) return page;
  const { executionId, id: stepId, assignedTo } = question;
  const said = searchable(comment.trim().slice(0, MAX_COMMENT)) || undefined;
  const decision = { executionId, stepId, decision: answer.decision, comment: said };
  try {
    // Where it is assigned to nobody, the link may have been handed on: then it is not known who has decided.
    await options.viewerDb.withViewer(SERVICE, ({ sql }) =>
      decideApproval(sql, decision, { by: assignedTo }),
    );
    return decidedPage(question, answer);
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
    // Somebody was faster, or the execution has ended.
    return (await opened(token, options)).page ?? overPage(undefined);
  }
}

type Opened =
  | { answer: Answer; question: Question; page?: undefined }
  | { page: Page; answer?: undefined; question?: undefined };

/** Read as the policies have it for the one who decides: a link is worth no more than what that one may do by now. */
async function opened(token: string, { links, viewerDb }: Options): Promise<Opened> {
  const answer = (await links?.read(token)) ?? 'forged';
  if (answer === 'forged') return { page: forgedPage };
  if (answer === 'expired') return { page: expiredPage };
  const { approvalId, decider } = answer;
  const question = await viewerDb.withViewer({ role: 'authenticated', sub: decider }, async ({ sql }) =>
    (await loadQuestions(sql, [approvalId])).get(approvalId),
  );
  if (question?.decider !== decider) return { page: overPage(undefined) };
  if (question.decision !== null) return { page: overPage(question.decision) };
  return { answer, question };
}
