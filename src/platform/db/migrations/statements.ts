/** Comments, strings, quoted names, dollar quotes and words; whatever else is a token of one character. */
const TOKEN =
  /--[^\n]*|\/\*|[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$(?:[A-Za-z_]\w*)?\$)[\s\S]*?\1|[A-Za-z_][\w$]*|[\s\S]/g;

type Token = { text: string; start: number; end: number; isComment: boolean };

function* tokensOf(sql: string): Generator<Token> {
  const pattern = new RegExp(TOKEN);
  for (let match = pattern.exec(sql); match; match = pattern.exec(sql)) {
    const start = match.index;
    if (match[0] === '/*') pattern.lastIndex = endOfBlockComment(sql, start);
    const end = pattern.lastIndex;
    const text = sql.slice(start, end);
    yield { text, start, end, isComment: text.startsWith('--') || text.startsWith('/*') };
  }
}

/** Block comments nest in Postgres. */
function endOfBlockComment(sql: string, start: number): number {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = start;
  let depth = 0;
  for (let match = edge.exec(sql); match; match = edge.exec(sql)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return sql.length;
}

/**
 * The statements of a file, each trimmed and without its semicolon, as the Supabase CLI keeps them in its ledger.
 * Knows strings, dollar quotes, nested comments and `begin atomic` bodies. What holds only comments is left out.
 */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let start = 0;
  let holdsCode = false;
  let previousWord = '';
  let depth = 0;
  const close = (end: number) => {
    if (holdsCode) statements.push(sql.slice(start, end).trim());
    holdsCode = false;
  };
  for (const token of tokensOf(sql)) {
    if (token.isComment || token.text.trim() === '') continue;
    const word = token.text.toLowerCase();
    if (word === ';' && depth === 0) {
      close(token.start);
      start = token.end;
    } else {
      holdsCode = true;
      if (previousWord === 'begin' && word === 'atomic') depth = 1;
      else if (depth > 0 && word === 'case') depth++;
      else if (depth > 0 && word === 'end') depth--;
    }
    previousWord = word;
  }
  close(sql.length);
  return statements;
}

/** The statement without its comments and with single spaces outside strings. */
export function withoutComments(statement: string): string {
  let text = '';
  for (const token of tokensOf(statement)) {
    if (token.isComment || token.text.trim() === '') text += text.endsWith(' ') ? '' : ' ';
    else text += token.text;
  }
  return text.trim();
}

/** The parts of a parenthesised list, from the first `(` of the text to its match, cut at the commas of that level. */
export function listItems(text: string): string[] {
  const items: string[] = [];
  let depth = 0;
  let start = 0;
  for (const token of tokensOf(text)) {
    if (token.text === '(' && depth++ === 0) start = token.end;
    const ends = token.text === ')' && --depth === 0;
    if (ends || (token.text === ',' && depth === 1)) {
      items.push(text.slice(start, token.start).trim());
      start = token.end;
    }
    if (ends) break;
  }
  return items;
}
