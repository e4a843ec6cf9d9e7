import type { Client } from 'pg';
import type { TestApi, User } from '../support/api.ts';
import type { Transport } from './transports.ts';

/** Whose rows are asked for, B, and who asks for them. */
export const CALLERS = ['stranger', 'anon', 'viewer', 'former', 'expired'] as const;
/**
 * `stranger`: user A, admin of another tenant, with rows of the same kinds. `anon`: no token. `viewer`: a viewer of B's
 * tenant. `former`: an admin of B's tenant whose membership is suspended. `expired`: B's own token, out of date.
 */
export type Caller = (typeof CALLERS)[number];

/** A user with a tenant that he is the admin of; free text of his rows contains `mark`. */
export type Person = User & { tenantId: string; mark: string };

/**
 * An id as a variable of a call: the row's, and the typename that makes a global id of it. `isGlobal`: only as that.
 * `isShared`: B shows it to everybody, so it is no secret, and is the same in a call for ids that are not there.
 */
export type Id = { row: string; typename?: string; isGlobal?: boolean; isShared?: boolean };

/** The ids of a row and of what hangs on it. */
export type Target = Record<string, Id>;

/** Makes a new row of the person's (with what hangs on it), straight in the tables. */
export type MakeTarget = (admin: Client, person: Person) => Promise<Target>;

/**
 * What a caller who is not the owner gets, where it is not the rule. The rule: nothing of B's, no effect on B's rows,
 * and for ids the same answer as for ids that are not there.
 *
 * - `as the owner`: he may ask for this as well.
 * - `forbidden`: he sees the row and so is told that he may not do this; no effect.
 * - `parent only`: he sees what the edge hangs on, and through the edge nothing.
 * - `on his own`: the call names B's rows only as what B may share; what he does is done to rows of his own.
 */
export type Seen = { as: 'the owner' | 'forbidden' | 'parent only' | 'on his own'; because: string };

/** A call of one field; its coordinate in the registry is `Query.agent`, `Mutation.updateAgent` or `Agent.executions`. */
export type Case = {
  /**
   * The root field with its arguments, without a selection, which is made from the schema: every leaf. `$id` and the like
   * are the target's; `$fresh` is a new text in every call, `$ownTenant` the caller's own tenant.
   */
  call: string;
  /** For an edge: the fields that lead from the call's value to the edge's type, through pages by themselves. */
  under?: readonly string[];
  /** For an edge: its arguments, e.g. `(first: 2)`. */
  args?: string;
  /** Makes the row whose ids the call names; without one, the call names no ids and answers with lists. */
  target?: MakeTarget;
  /** Who the call first succeeds for: B, or the operator where users may not at all. */
  owner?: 'service';
  /** Where not every transport of its operation will do. */
  transports?: readonly Transport[];
  /** For a subscription that tells of changes: makes one in a row of the person's. */
  provoke?: (api: TestApi, person: Person) => Promise<unknown>;
  seen?: Partial<Record<Caller, Seen>>;
};

/** What a module's cases are: by coordinate, several where a field is to be called in several ways. */
export type Cases = Readonly<Record<string, Case | readonly Case[]>>;

/** Cases of edges that are reached by the same call. */
export function edges(coordinates: readonly string[], how: Case): Cases {
  return Object.fromEntries(coordinates.map((coordinate) => [coordinate, how]));
}

/** `node(id:)` takes nothing but global ids: one of the target's, as that. */
export function globalOnly(make: MakeTarget, name: string): MakeTarget {
  return async (admin, person) => {
    const id = (await make(admin, person))[name];
    if (!id?.typename) throw new Error(`there is no global id of ${name}`);
    return { id: { ...id, isGlobal: true } };
  };
}

/** A connection as the feed's functions want it. */
export function sqlOf(admin: Client) {
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await admin.query(text, [...values])).rows as Row[],
  };
}

/** Does what the person would do, on the connection of whoever may do everything, in a transaction of its own. */
export async function asPerson<Result>(
  admin: Client,
  person: Pick<Person, 'id'>,
  work: () => Promise<Result>,
): Promise<Result> {
  await admin.query('begin');
  await admin.query(
    "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
    [JSON.stringify({ role: 'authenticated', sub: person.id })],
  );
  const result = await work();
  await admin.query('commit');
  return result;
}
