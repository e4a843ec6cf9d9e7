import { readFileSync } from 'node:fs';

/** An example on a page: what is asked, and the answer that is printed below it. */
export type Example = {
  title: string;
  language: 'graphql' | 'sh';
  request: string;
  variables: string;
  answer: string;
};

type Block = { language: string; text: string; section: string };

export function readPage(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

/** Every fenced block of a page, with the heading it stands under. */
export function blocksOf(page: string): Block[] {
  return page.split(/^## /m).flatMap((section) =>
    [...section.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({
      ...{ language, text },
      section: section.slice(0, section.indexOf('\n')),
    })),
  );
}

/**
 * The examples of a page: a block of `graphql` or `sh` with what follows it, a block of `json` or `text` that is its
 * answer; two blocks of `json` after an operation are its variables and its answer.
 *
 * @throws where a request has no answer
 */
export function examplesOf(page: string): Example[] {
  const blocks = blocksOf(page);
  return blocks.flatMap(({ language, text: request, section }, at) => {
    if (language !== 'graphql' && language !== 'sh') return [];
    const rest = blocks.slice(at + 1);
    const end = rest.findIndex((block) => !['json', 'text'].includes(block.language));
    const replies = (end < 0 ? rest : rest.slice(0, end)).map(({ text }) => text);
    const answer = replies.pop();
    if (answer === undefined) throw new Error(`an example under "${section}" has no answer: ${request}`);
    const title = `${section}: ${request.trim().split('\n')[0]}`;
    return [{ title, language, request, variables: replies.pop() ?? '{}', answer }];
  });
}

/**
 * Where an answer differs from what is printed, `…` in it standing for anything within a text, for any number, and as
 * the last element of a list for any others; undefined where it does not.
 */
export function difference(printed: unknown, answer: unknown, path = 'answer'): string | undefined {
  if (printed === '…' && typeof answer === 'number') return undefined;
  if (typeof printed === 'string' && typeof answer === 'string') {
    return pattern(printed).test(answer) ? undefined : `${path} is ${JSON.stringify(answer)}`;
  }
  if (Array.isArray(printed) && Array.isArray(answer)) {
    const isOpen = printed.at(-1) === '…';
    const expected = isOpen ? printed.slice(0, -1) : printed;
    if (!isOpen && expected.length !== answer.length) return `${path} has ${answer.length} elements`;
    return firstOf(expected.map((part, at) => difference(part, answer[at], `${path}[${at}]`)));
  }
  if (isRecord(printed) && isRecord(answer)) {
    const names = [Object.keys(printed), Object.keys(answer)].map((keys) => keys.sort().join(', '));
    if (names[0] !== names[1]) return `${path} has the fields ${names[1]}`;
    return firstOf(
      Object.entries(printed).map(([name, part]) => difference(part, answer[name], `${path}.${name}`)),
    );
  }
  return printed === answer ? undefined : `${path} is ${JSON.stringify(answer)}`;
}

function pattern(printed: string): RegExp {
  const parts = printed.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[\\s\\S]*')}$`);
}

function firstOf(differences: (string | undefined)[]): string | undefined {
  return differences.find((found) => found !== undefined);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
