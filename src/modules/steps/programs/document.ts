import { pdfOf } from '../documents/pdf.ts';
import { DocumentTooLarge, render, TemplateError } from '../documents/render.ts';
import { WRITINGS } from '../documents/writing.ts';
import type { StepFailure } from '../step.ts';

/** Characters: about 500 pages. */
const MAX_TEXT = 2_000_000;

/** Laying out takes far longer than filling in: about 100 pages. */
const MAX_PDF_TEXT = 400_000;

const CONTENT_TYPES = {
  html: 'text/html; charset=utf-8',
  markdown: 'text/markdown; charset=utf-8',
  pdf: 'application/pdf',
  json: 'application/json',
  csv: 'text/csv; charset=utf-8',
  text: 'text/plain; charset=utf-8',
} as const;

type Format = keyof typeof CONTENT_TYPES;
type Input = { template: string; view: unknown; format: Format };

/** Runs in the sandbox: a template can go over a long list as often as it likes. */
export default async function run({ template, view, format }: Input): Promise<unknown> {
  try {
    return await documentOf({ template, view, format });
  } catch (thrown) {
    const failure = failureOf(thrown, format);
    if (failure) return { failure };
    throw thrown;
  }
}

async function documentOf({ template, view, format }: Input): Promise<unknown> {
  const content = render(template, view, WRITINGS[format], format === 'pdf' ? MAX_PDF_TEXT : MAX_TEXT);
  const contentType = CONTENT_TYPES[format];
  if (format === 'json') JSON.parse(content);
  if (format !== 'pdf') return { format, contentType, bytes: Buffer.byteLength(content), content };
  const { file, missing } = await pdfOf(content);
  const replaced = missing.length > 0 ? { replacedCharacters: missing } : {};
  return { format, contentType, bytes: file.length, contentBase64: file.toString('base64'), ...replaced };
}

function failureOf(thrown: unknown, format: Format): StepFailure | undefined {
  if (thrown instanceof TemplateError) {
    return { code: 'TEMPLATE_INVALID', message: `template: ${thrown.message}` };
  }
  if (thrown instanceof DocumentTooLarge) {
    const limit = format === 'pdf' ? MAX_PDF_TEXT : MAX_TEXT;
    return { code: 'SIZE_LIMIT', message: `the document has more than ${limit} characters` };
  }
  if (!(thrown instanceof SyntaxError)) return undefined;
  return { code: 'DOCUMENT_INVALID', message: `the document is no JSON: ${thrown.message.slice(0, 300)}` };
}
