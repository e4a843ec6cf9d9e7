import { Lexer, Source, TokenKind } from 'graphql';
import type { DocumentLimits } from '../../platform/config.ts';
import { refusal } from './refusals.ts';

/** Long texts belong into variables, where a mebibyte is allowed; the longest document of a console is a tenth of it. */
const MAX_CHARACTERS = 100_000;
/** graphql-js parses by recursion, and overflows its stack; fields, lists and objects all open a bracket. */
const MAX_BRACKETS = 60;

type TextLimits = Pick<DocumentLimits, 'maxTokens' | 'maxAliases' | 'maxDirectives'>;

/** Costs nothing; what is longer is not even kept as a key of a cache. */
export function assertLength(text: string): void {
  if (text.length <= MAX_CHARACTERS) return;
  throw refusal(
    'QUERY_TOO_LONG',
    `The document has ${text.length} characters; ${MAX_CHARACTERS} are allowed. Send long texts in variables.`,
    { extensions: { limit: MAX_CHARACTERS, found: text.length } },
  );
}

/**
 * Reads a document's tokens, in a loop and no further than the limits go, before a parser builds anything from them.
 *
 * @throws {GraphQLError} a refusal, or a syntax error as the parser would report it
 */
export function assertTokens(text: string, { maxTokens, maxAliases, maxDirectives }: TextLimits): void {
  const lexer = new Lexer(new Source(text));
  let tokens = 0;
  let aliases = 0;
  let directives = 0;
  let brackets = 0;
  /** Colons inside of parentheses belong to arguments and variables, all others to aliases. */
  let parentheses = 0;
  for (let { kind } = lexer.advance(); kind !== TokenKind.EOF; { kind } = lexer.advance()) {
    tokens += 1;
    if (tokens > maxTokens) throw tooMany('QUERY_TOO_LONG', 'tokens', maxTokens);
    switch (kind) {
      case TokenKind.PAREN_L:
        parentheses += 1;
        brackets += 1;
        break;
      case TokenKind.PAREN_R:
        parentheses -= 1;
        brackets -= 1;
        break;
      case TokenKind.BRACE_L:
      case TokenKind.BRACKET_L:
        brackets += 1;
        break;
      case TokenKind.BRACE_R:
      case TokenKind.BRACKET_R:
        brackets -= 1;
        break;
      case TokenKind.COLON:
        if (parentheses === 0) aliases += 1;
        break;
      case TokenKind.AT:
        directives += 1;
    }
    if (brackets > MAX_BRACKETS) {
      throw refusal('QUERY_TOO_DEEP', `The document nests more than ${MAX_BRACKETS} brackets.`, {
        extensions: { limit: MAX_BRACKETS },
      });
    }
    if (aliases > maxAliases) throw tooMany('TOO_MANY_ALIASES', 'aliases', maxAliases);
    if (directives > maxDirectives) throw tooMany('TOO_MANY_DIRECTIVES', 'directives', maxDirectives);
  }
}

function tooMany(
  code: 'QUERY_TOO_LONG' | 'TOO_MANY_ALIASES' | 'TOO_MANY_DIRECTIVES',
  what: string,
  limit: number,
) {
  return refusal(code, `The document has more than ${limit} ${what}.`, { extensions: { limit } });
}
