import { randomUUID } from 'node:crypto';
import { type GraphQLSchema, isAbstractType } from 'graphql';
import type { Target } from './case.ts';
import { EDGE, REFUSAL } from './documents.ts';
import type { Answer } from './transports.ts';

/** How an id is written. Row ids are uuids, alone or with something before them. */
export const ID_FORMS = ['row id', 'global id', 'uppercase'] as const;
export type IdForm = (typeof ID_FORMS)[number];

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** A target's ids as the variables of a call. */
export function written(target: Target, form: IdForm): Record<string, string> {
  return Object.fromEntries(
    Object.entries(target).map(([name, { row, typename, isGlobal }]) => {
      const text = form === 'uppercase' ? upper(row) : row;
      return [name, typename && (isGlobal || form === 'global id') ? globalId(typename, text) : text];
    }),
  );
}

/** Ids of the same kinds that no row has. */
export function absent(target: Target): Target {
  return Object.fromEntries(
    Object.entries(target).map(([name, id]) => [
      name,
      id.isShared ? id : { ...id, row: id.row.replace(UUID, () => randomUUID()) },
    ]),
  );
}

/** An answer with the ids that were asked for taken out, however they are written, so that two can be compared. */
export function withoutIds(answer: Answer, target: Target): string {
  let text = JSON.stringify(answer);
  for (const [name, { row, typename }] of Object.entries(target)) {
    const forms = [row, upper(row)].flatMap((text) => [
      text,
      ...(typename ? [globalId(typename, text)] : []),
    ]);
    for (const form of forms) text = text.replaceAll(form, `<${name}>`);
  }
  return text;
}

/** Which of the secrets an answer holds, be it inside a global id or a cursor. */
export function leaked(answer: string, secrets: ReadonlySet<string>): string[] {
  const decoded = [...answer.matchAll(/[A-Za-z0-9+/_-]{12,}={0,2}/g)].map(([text]) =>
    Buffer.from(text, 'base64').toString('utf8'),
  );
  const all = `${answer}\n${decoded.join('\n')}`.toLowerCase();
  return [...secrets].filter((secret) => all.includes(secret.toLowerCase()));
}

/** Why an answer is no success; undefined where it is one: something is there, be it at the end of the edge. */
export function failure(schema: GraphQLSchema, answer: Answer, isEdge: boolean): string | undefined {
  const { data, errors } = answer.body;
  if (errors || !data) return `errors: ${JSON.stringify(answer)}`;
  const root = rootValue(answer);
  if (!isThere(root)) return `nothing is there: ${JSON.stringify(answer)}`;
  if (isExpectedFailure(schema, root)) return `it failed: ${JSON.stringify(root)}`;
  if (isEdge && !edgeValues(root).some(isThere)) return `the edge is empty: ${JSON.stringify(answer)}`;
  return undefined;
}

/** Whether anything is at the end of an edge. */
export function hasEdge(answer: Answer): boolean {
  return edgeValues(rootValue(answer)).some(isThere);
}

/** The code of the expected failure that a mutation answered with. */
export function failureCode(schema: GraphQLSchema, answer: Answer): unknown {
  const root = rootValue(answer);
  if (!isExpectedFailure(schema, root)) return undefined;
  return Object.entries(root as object).find(([name]) => name === REFUSAL || /(^|_)code$/.test(name))?.[1];
}

function rootValue({ body: { data } }: Answer): unknown {
  return Object.entries(data ?? {}).find(([name]) => name !== '__typename')?.[1];
}

function isExpectedFailure(schema: GraphQLSchema, value: unknown): boolean {
  const failures = schema.getType('Error');
  if (!isAbstractType(failures) || typeof value !== 'object' || value === null) return false;
  return (
    '__typename' in value && schema.getPossibleTypes(failures).some(({ name }) => name === value.__typename)
  );
}

function edgeValues(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) => (name === EDGE ? [part] : edgeValues(part)));
}

function isThere(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isThere);
  if (typeof value === 'object' && value !== null && 'edges' in value) return isThere(value.edges);
  return value !== null && value !== undefined;
}

/** Uuids are the same in capitals; other ids, such as `exec_…`, are text and are not. */
function upper(row: string): string {
  return row.replace(UUID, (uuid) => (uuid === row ? uuid.toUpperCase() : uuid));
}

function globalId(typename: string, row: string): string {
  return Buffer.from(`${typename}:${row}`).toString('base64');
}
