import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Answer } from './links.ts';
import type { Question } from './question.ts';

/** What a page says: HTML, with nothing in it that comes from elsewhere. */
export type Page = { status: number; title: string; body: string };

const STYLE = `
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
  main { max-width: 36rem; margin: 10vh auto; padding: 0 1rem; }
  blockquote { margin: 1rem 0; padding: 0 1rem; border-left: 0.25rem solid; white-space: pre-wrap; overflow-wrap: anywhere; }
  textarea { width: 100%; box-sizing: border-box; font: inherit; }
  button { margin-top: 1rem; padding: 0.5rem 1.5rem; font: inherit; }
`;

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  // The address is the right to decide: it is told to nobody.
  'referrer-policy': 'no-referrer',
  'content-security-policy': [
    `default-src 'none'`,
    `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
    `form-action 'self'`,
    `frame-ancestors 'none'`,
    `base-uri 'none'`,
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex',
};

export const MAX_COMMENT = 2_000;

/** Asks whether it is meant: looking at a link decides nothing, as programs that look through mail do. */
export function questionPage({ prompt }: Question, { decision }: Answer): Page {
  const [title, button] = decision === 'approved' ? ['Approve?', 'Approve'] : ['Refuse?', 'Refuse'];
  const form = `<form method="post">
    <label>Comment, if you like:<br><textarea name="comment" rows="3" maxlength="${MAX_COMMENT}"></textarea></label>
    <button>${button}</button>
  </form>`;
  return { status: 200, title, body: `${quoted(prompt)}${form}` };
}

export function decidedPage({ prompt }: Question, { decision }: Answer): Page {
  const title = decision === 'approved' ? 'Approved' : 'Refused';
  return {
    status: 200,
    title,
    body: `${quoted(prompt)}<p>Your answer was taken. You can close this page.</p>`,
  };
}

const ENDED = {
  approved: 'It was approved already.',
  rejected: 'It was refused already.',
  expired: 'Nobody answered in time.',
  withdrawn: 'Its execution ended without an answer.',
} as const;

/** @param decision what became of the question; undefined where it is not this link's to answer any more */
export function overPage(decision: keyof typeof ENDED | undefined): Page {
  const reason = decision ? ENDED[decision] : 'It is gone, or is somebody else’s to answer by now.';
  return { status: 410, title: 'This question is not open any more', body: `<p>${reason}</p>` };
}

export const expiredPage: Page = {
  status: 410,
  title: 'This link has expired',
  body: '<p>Sign in to answer the question, or ask for another link.</p>',
};

export const forgedPage: Page = {
  status: 400,
  title: 'This is no link of ours',
  body: '<p>It may have been cut off on its way: copy it whole, up to its last letter.</p>',
};

export function failedPage(errorId: string): Page {
  const body = `<p>Try again in a moment. The failure is in the server’s log as ${errorId}.</p>`;
  return { status: 500, title: 'Something went wrong', body };
}

/** @param page.body of a HEAD request it is left out by Node */
export function sendPage(response: ServerResponse, { status, title, body }: Page): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, HEADERS);
  response.end(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${STYLE}</style>
<main><h1>${title}</h1>${body}</main></html>
`);
}

function quoted(text: string): string {
  return `<blockquote>${escaped(text)}</blockquote>`;
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
}
