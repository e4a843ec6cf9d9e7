import { lexer, type Token, type Tokens } from 'marked';
import PdfDocument from 'pdfkit';

/** Text in Markdown as a PDF on A4, in the standard fonts, which every reader has: no file grows by them. */

const SIZE = 10.5;
const HEADINGS = [22, 17, 14, 12, 11, 11];
const INDENT = 18;

type Style = { isBold?: boolean; isItalic?: boolean; isCode?: boolean; link?: string };
type Run = Style & { text: string };
type Pdf = InstanceType<typeof PdfDocument>;

/** @returns the file, and the characters that the standard fonts lack, each of which is printed as a question mark */
export async function pdfOf(markdown: string): Promise<{ file: Buffer; missing: string[] }> {
  const missing = new Set<string>();
  const document = new PdfDocument({
    size: 'A4',
    margin: 56,
    info: { Producer: 'Runcast', Creator: 'Runcast' },
  });
  const chunks: Buffer[] = [];
  document.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<void>((resolve, reject) => document.on('end', resolve).on('error', reject));
  drawBlocks(document, lexer(printable(markdown, missing)), 0);
  document.end();
  await ended;
  return { file: Buffer.concat(chunks), missing: [...missing] };
}

/** Beyond Latin-1, which of WinAnsi's characters the standard fonts have. */
const WIN_ANSI = new Set('€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ');

function printable(text: string, missing: Set<string>): string {
  return text.normalize('NFC').replaceAll(/[^\n\t\u0020-\u007e\u00a0-\u00ff]/gu, (sign) => {
    if (WIN_ANSI.has(sign)) return sign;
    if (sign !== '\r' && missing.size < 100) missing.add(sign);
    return sign === '\r' ? '' : '?';
  });
}

function drawBlocks(pdf: Pdf, tokens: readonly Token[], indent: number): void {
  for (const token of tokens as readonly Tokens.Generic[]) {
    const draw = BLOCKS[token.type] ?? drawText;
    draw(pdf, token, indent);
  }
}

const BLOCKS: Readonly<Record<string, (pdf: Pdf, token: Tokens.Generic, indent: number) => void>> = {
  heading: drawHeading,
  list: (pdf, token, indent) => drawList(pdf, token as Tokens.List, indent),
  blockquote: (pdf, token, indent) => drawBlocks(pdf, token.tokens ?? [], indent + INDENT),
  code: (pdf, token, indent) => drawRuns(pdf, [{ text: token.text, isCode: true }], indent + INDENT),
  table: (pdf, token) => drawTable(pdf, token as Tokens.Table),
  hr: drawLine,
  space: () => undefined,
  def: () => undefined,
};

function drawHeading(pdf: Pdf, { tokens = [], depth }: Tokens.Generic, indent: number): void {
  pdf.moveDown(0.5);
  drawRuns(pdf, runsOf(tokens, { isBold: true }), indent, HEADINGS[depth - 1]);
}

/** Paragraphs, and whatever is no block of its own, such as HTML, which is printed as it stands. */
function drawText(pdf: Pdf, token: Tokens.Generic, indent: number): void {
  drawRuns(pdf, token.tokens ? runsOf(token.tokens) : [{ text: onOneLine(token.text ?? token.raw) }], indent);
}

function drawList(pdf: Pdf, { items, ordered, start }: Tokens.List, indent: number): void {
  for (const [index, item] of items.entries()) {
    const mark = ordered ? `${Number(start || 1) + index}. ` : '•  ';
    const [first, ...rest] = item.tokens;
    const isText = first?.type === 'text' || first?.type === 'paragraph';
    const runs = isText ? runsOf((first as Tokens.Generic).tokens ?? [first]) : [];
    drawRuns(pdf, [{ text: mark }, ...runs], indent + INDENT, SIZE, 0.15);
    drawBlocks(pdf, isText ? rest : item.tokens, indent + INDENT);
  }
  pdf.moveDown(0.35);
}

function drawTable(pdf: Pdf, { header, rows }: Tokens.Table): void {
  const cells = (row: readonly Tokens.TableCell[]) =>
    row.map((cell) =>
      runsOf(cell.tokens)
        .map(({ text }) => text)
        .join(''),
    );
  pdf.font('Helvetica').fontSize(SIZE - 1.5);
  pdf.table({
    rowStyles: (row) => ({ ...(row === 0 ? { backgroundColor: '#eeeeee' } : {}), borderColor: '#999999' }),
    data: [cells(header), ...rows.map(cells)],
  });
  pdf.moveDown(0.7);
  pdf.x = pdf.page.margins.left;
}

function drawLine(pdf: Pdf): void {
  const { left, right } = pdf.page.margins;
  pdf.moveDown(0.4);
  pdf
    .moveTo(left, pdf.y)
    .lineTo(pdf.page.width - right, pdf.y)
    .strokeColor('#999999')
    .stroke();
  pdf.moveDown(0.6);
}

function drawRuns(pdf: Pdf, runs: readonly Run[], indent: number, size = SIZE, gap = 0.5): void {
  const { left, right } = pdf.page.margins;
  pdf.x = left + indent;
  const width = Math.max(60, pdf.page.width - right - pdf.x);
  const shown = runs.filter(({ text }) => text !== '');
  for (const [index, run] of shown.entries()) {
    const continued = index < shown.length - 1;
    pdf.font(fontOf(run)).fontSize(run.isCode ? size - 1 : size);
    pdf.fillColor(run.link ? '#1a4fa3' : '#000000');
    pdf.text(run.text, { width, continued, link: run.link ?? null, underline: run.link !== undefined });
  }
  pdf.x = left;
  pdf.moveDown(gap);
}

function fontOf({ isBold, isItalic, isCode }: Style): string {
  if (isCode) return isBold ? 'Courier-Bold' : 'Courier';
  if (isBold) return isItalic ? 'Helvetica-BoldOblique' : 'Helvetica-Bold';
  return isItalic ? 'Helvetica-Oblique' : 'Helvetica';
}

function runsOf(tokens: readonly Token[], style: Style = {}): Run[] {
  return tokens.flatMap((given): Run[] => {
    const token = given as Tokens.Generic;
    const inner = (more: Style) => runsOf(token.tokens ?? [], { ...style, ...more });
    switch (token.type) {
      case 'strong':
        return inner({ isBold: true });
      case 'em':
        return inner({ isItalic: true });
      case 'link':
        return inner(/^(https?|mailto):/i.test(token.href) ? { link: token.href } : {});
      case 'codespan':
        return [{ ...style, isCode: true, text: token.text }];
      case 'br':
        return [{ ...style, text: '\n' }];
      default:
        return token.tokens ? inner({}) : [{ ...style, text: onOneLine(token.text ?? token.raw) }];
    }
  });
}

/** Line breaks within a paragraph are spaces. */
const onOneLine = (text: string) => text.replaceAll(/ *\n */g, ' ');
