import { badInput } from './errors.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text is a uuid: Postgres refuses to compare a uuid column with anything else. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/**
 * Text to look for as it is; what Postgres can neither hold nor be asked for, U+0000 and half a surrogate pair, becomes
 * U+FFFD, so that it is found nowhere instead of failing the statement.
 */
export function searchable(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '\uFFFD');
}

/** A uuid as it is; for any other text the one that no row has. */
export function uuidOrNone(text: string): string {
  return isUuid(text) ? text : '00000000-0000-0000-0000-000000000000';
}

export function notGlobalId(): Error {
  return badInput('That is not a global id: pass the `id` of an object.');
}

/** What `id` of an object is to clients. */
export function encodeGlobalId(typename: string, id: string | number | bigint): string {
  return Buffer.from(`${typename}:${id}`).toString('base64');
}

/** The type and the row's id that a global id of `node(id:)` names. */
export function decodeGlobalId(globalId: string): { typename: string; id: string } {
  const decoded = decode(globalId);
  if (decoded === undefined) throw notGlobalId();
  return decoded;
}

/**
 * The row's id that an argument names: a global id of that type, or the row's id itself (`exec_…`), which is what
 * REST clients and SQL know. A global id of another type is returned as it is and matches no row.
 */
export function rowId(typename: string, id: string): string {
  const decoded = decode(id);
  return searchable(decoded?.typename === typename ? decoded.id : id);
}

function decode(globalId: string): { typename: string; id: string } | undefined {
  const text = Buffer.from(globalId, 'base64').toString('utf8');
  const found = /^([A-Z][A-Za-z]*):([\s\S]+)$/.exec(text);
  const [, typename, id] = found ?? [];
  return typename === undefined || id === undefined ? undefined : { typename, id: searchable(id) };
}
