import { randomUUID } from 'node:crypto';
import { startApi, type TestApi, tokenOf } from '../support/api.ts';
import { CALLERS, type Caller, type Cases, type MakeTarget, type Person, type Target } from './case.ts';
import { createChecksum } from './checksum.ts';
import { entriesOf } from './coverage.ts';
import { type Line, openLine } from './transports.ts';

export type World = {
  api: TestApi;
  /** B, whose rows it is about: the admin of a tenant, with a row of every kind. */
  owner: Person;
  lines: Record<Caller | 'owner' | 'service', Line>;
  /** The other callers that have rows of their own. */
  others: Record<'stranger' | 'viewer' | 'former', Person>;
  /** A new row of B's. */
  make(target: MakeTarget): Promise<Target>;
  /** What of B's may be in nobody else's answer: ids, addresses, and the mark in every free text. */
  secrets(): ReadonlySet<string>;
  /** Of all rows that are not the others' own, by table. */
  checksum(): Promise<Record<string, string>>;
  close(): Promise<void>;
};

/** B, user A of another tenant, and members of B's tenant who have no say, each with a row of every kind. */
export async function openWorld(cases: Cases): Promise<World> {
  const api = await startApi({ poolSize: 8 });
  const owner = await person(api);
  const stranger = await person(api);
  const viewer = await person(api);
  const former = await person(api);
  await join(api, owner, viewer, 'viewer', 'active');
  await join(api, owner, former, 'admin', 'suspended');

  const secrets = new Set([owner.id, owner.email, owner.tenantId, owner.mark]);
  const make = async (target: MakeTarget) => {
    const made = await target(api.admin, owner);
    for (const { row, isShared } of Object.values(made)) if (!isShared) secrets.add(row);
    return made;
  };
  const targets = new Set(entriesOf(cases).flatMap(([, { target }]) => target ?? []));
  for (const target of targets) {
    await make(target);
    for (const other of [stranger, viewer, former]) await target(api.admin, other);
  }

  const tokens: Record<Caller | 'owner' | 'service', string | undefined> = {
    owner: owner.token,
    stranger: stranger.token,
    viewer: viewer.token,
    former: former.token,
    anon: undefined,
    expired: await tokenOf({ role: 'authenticated', sub: owner.id, email: owner.email }, -3_600),
    service: await tokenOf({ role: 'service_role' }),
  };
  const line = (who: keyof typeof tokens) => openLine(api.url, tokens[who]);
  const lines = {
    ...{ owner: line('owner'), service: line('service') },
    ...(Object.fromEntries(CALLERS.map((caller) => [caller, line(caller)])) as Record<Caller, Line>),
  };
  const others = { stranger, viewer, former };
  return {
    ...{ api, owner, lines, others, make },
    secrets: () => secrets,
    checksum: await createChecksum(api.admin, owner, Object.values(others)),
    async close() {
      for (const open of Object.values(lines)) await open.close();
      await api.close();
    },
  };
}

/** A user with a tenant of his own. */
async function person(api: TestApi): Promise<Person> {
  const user = await api.makeUser();
  const mark = `mark-${randomUUID()}`;
  // Runs that cases start seldom end: with the default of 100 places later ones would only wait.
  const { rows } = await api.admin.query<{ id: string }>(
    `insert into public.tenants (name, subdomain, limits) values ($1, $1, '{"maxConcurrentRuns": 100000}') returning id`,
    [mark],
  );
  const whole = { ...user, mark, tenantId: rows[0]?.id ?? '' };
  await join(api, whole, whole, 'admin', 'active');
  return whole;
}

async function join(
  api: TestApi,
  to: Pick<Person, 'tenantId'>,
  user: Pick<Person, 'id'>,
  role: string,
  status: string,
) {
  await api.admin.query(
    'insert into public.user_tenants (tenant_id, user_id, role, status) values ($1, $2, $3, $4)',
    [to.tenantId, user.id, role, status],
  );
}
