import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { appendEvents } from '../../../../src/platform/feed/feed.ts';
import { startApi, type TestApi, type User } from '../../api.ts';
import { connectFeed, type FeedClient } from '../../feed.ts';
import type { LogEntry } from '../../log.ts';
import { insertTenant } from '../../tenants.ts';
import { linesFrom } from '../lines.ts';
import { type Findings, note } from './findings.ts';

export type Owner = { name: string; user: User };

/** `lostAt` is undefined while it counts; all times are of performance.now(). */
export type Membership = {
  owner: Owner;
  tenant: string;
  lostAt?: number;
  isChanging: boolean;
  restoredAt: number;
};

export type Run = {
  id: string;
  owner: Owner;
  /** For a run that was started for a tenant. */
  membership?: Membership;
  config: Config;
  lastSeq: number;
  hasEnded: boolean;
  isBeingDeleted: boolean;
  goneAt?: number;
};

export type Config = { publicId: string; name: string; isPublic: boolean; owner: Owner };

/** Who looks: one of the owners, a service that acts for everybody, or somebody without a good token. */
export type Viewer = { name: string; owner?: Owner; isService: boolean };

const TENANTS = 4;
/**
 * Whether somebody who left a tenant no longer sees the runs that they started for it: true as soon as the policy of
 * runcast.execution_streams says so. Memberships come and go either way.
 */
const MEMBERSHIP_COUNTS = true;

/** Two users with as many runs each, who are members of the same tenants, and a service. Knows who may see what. */
export class World {
  readonly api: TestApi;
  readonly owners: readonly Owner[];
  readonly memberships: readonly Membership[];
  readonly configs: readonly Config[];
  /** All there ever were, by id. */
  readonly runs = new Map<string, Run>();
  /** What the server logged as an error. */
  readonly serverErrors: Findings;
  readonly #db: FeedClient;

  private constructor(api: TestApi, db: FeedClient, parts: Parts) {
    this.api = api;
    this.#db = db;
    this.owners = parts.owners;
    this.memberships = parts.memberships;
    this.configs = parts.configs;
    this.serverErrors = parts.serverErrors;
  }

  static async open(runsPerOwner: number): Promise<World> {
    const serverErrors: Findings = {};
    const log = pino({ level: 'error' }, { write: (line) => noteError(serverErrors, line) });
    const api = await startApi({ poolSize: 8, log });
    const db = await connectFeed(api.database.admin);
    const world = new World(api, db, { ...(await makeParts(api)), serverErrors });
    for (const owner of world.owners) {
      for (let i = 0; i < runsPerOwner; i += 1) await world.start(owner, i);
    }
    return world;
  }

  /** Those that have not been deleted. */
  present(): Run[] {
    return [...this.runs.values()].filter(
      ({ goneAt, isBeingDeleted }) => goneAt === undefined && !isBeingDeleted,
    );
  }

  /** @param n every second one is started for a tenant */
  async start(owner: Owner, n: number): Promise<Run> {
    const own = this.memberships.filter((membership) => membership.owner === owner);
    const membership = n % 2 === 0 ? own[(n / 2) % own.length] : undefined;
    const config = this.#configFor(owner, n);
    const run: Run = {
      id: `exec_${owner.name}_${randomUUID()}`,
      ...{ owner, config, lastSeq: 1, hasEnded: false, isBeingDeleted: false },
      ...(membership && { membership }),
    };
    // Before it is there: whoever follows a list may hear of it first.
    this.runs.set(run.id, run);
    await this.#insert(run);
    return run;
  }

  async #insert({ id, owner, config, membership }: Run): Promise<void> {
    await this.#db.query(
      `insert into public.training_executions (id, user_id, public_id, method, provider)
       values ($1, $2, $3, 'sft', 'local')`,
      [id, owner.user.id, config.publicId],
    );
    if (membership === undefined) return;
    const statement = 'update runcast.execution_streams set tenant_id = $2 where execution_id = $1';
    await this.#db.query(statement, [id, membership.tenant]);
  }

  async append(run: Run, count: number): Promise<void> {
    const events = linesFrom(run.id, run.lastSeq + 1, count);
    run.lastSeq = await appendEvents(this.#db, { kind: 'training', id: run.id, events });
  }

  async end(run: Run): Promise<void> {
    run.hasEnded = true;
    const status = { type: 'status', payload: { to: 'cancelled' } } as const;
    run.lastSeq = await appendEvents(this.#db, { kind: 'training', id: run.id, events: [status] });
  }

  async remove(run: Run): Promise<void> {
    run.isBeingDeleted = true;
    await this.#db.query('delete from public.training_executions where id = $1', [run.id]);
    run.goneAt = performance.now();
  }

  /** @param how the row says so, or is no longer there */
  async revoke(membership: Membership, how: 'suspended' | 'removed' | 'deleted'): Promise<void> {
    const whose = [membership.tenant, membership.owner.user.id];
    membership.isChanging = true;
    const where = 'where tenant_id = $1 and user_id = $2';
    if (how === 'deleted') await this.#db.query(`delete from public.user_tenants ${where}`, whose);
    else await this.#db.query(`update public.user_tenants set status = $3 ${where}`, [...whose, how]);
    membership.lostAt = performance.now();
    membership.isChanging = false;
  }

  async restore(membership: Membership): Promise<void> {
    membership.isChanging = true;
    delete membership.lostAt;
    await this.#db.query(
      `insert into public.user_tenants (tenant_id, user_id, role, status) values ($1, $2, 'member', 'active')
       on conflict (tenant_id, user_id) do update set status = 'active'`,
      [membership.tenant, membership.owner.user.id],
    );
    membership.restoredAt = performance.now();
    membership.isChanging = false;
  }

  /** When a viewer lost sight of a run: -Infinity for one who never had it, undefined for one who may see it. */
  lostAt({ owner, isService }: Viewer, run: Run): number | undefined {
    if (!isService && owner !== run.owner) return Number.NEGATIVE_INFINITY;
    if (run.goneAt !== undefined) return run.goneAt;
    return isService || !MEMBERSHIP_COUNTS ? undefined : run.membership?.lostAt;
  }

  /** Whether a viewer may have been unable to see a run at some time since a moment, so that NOT_FOUND was right. */
  mayHaveLost(viewer: Viewer, run: Run, since: number): boolean {
    if (run.isBeingDeleted || this.lostAt(viewer, run) !== undefined) return true;
    if (viewer.isService || !MEMBERSHIP_COUNTS || run.membership === undefined) return false;
    return run.membership.isChanging || run.membership.restoredAt >= since;
  }

  async close(): Promise<void> {
    await this.#db[Symbol.asyncDispose]();
    await this.api.close();
  }

  /** One of their own or a public one of somebody else's. */
  #configFor(owner: Owner, n: number): Config {
    const usable = this.configs.filter((config) => config.isPublic || config.owner === owner);
    const config = usable[n % usable.length];
    if (config === undefined) throw new Error('everybody has a config');
    return config;
  }
}

/** How much of a stack says where it was. */
const STACK_LINES = 6;

/** By message, without what differs from one to the next. */
function noteError(errors: Findings, line: string): void {
  const { msg, err } = JSON.parse(line) as LogEntry & { err?: { message: string; stack: string } };
  const kind = (err?.message ?? msg).replaceAll(/exec_\S+/g, 'exec_…');
  note(errors, kind, err?.stack.split('\n').slice(0, STACK_LINES).join('\n') ?? line);
}

type Parts = Pick<World, 'owners' | 'memberships' | 'configs' | 'serverErrors'>;

async function makeParts(api: TestApi): Promise<Omit<Parts, 'serverErrors'>> {
  const owners = await Promise.all(['A', 'B'].map(async (name) => ({ name, user: await api.makeUser() })));
  const memberships: Membership[] = [];
  for (let i = 0; i < TENANTS; i += 1) {
    const roles = Object.fromEntries(owners.map(({ user }) => [user.id, 'member']));
    const tenant = await insertTenant(api.admin, roles);
    for (const owner of owners) memberships.push({ owner, tenant, isChanging: false, restoredAt: 0 });
  }
  const configs = owners.flatMap((owner) =>
    [true, false].map((isPublic) => ({
      ...{ publicId: `config-${randomUUID()}`, name: `config of ${owner.name}`, isPublic, owner },
    })),
  );
  for (const { publicId, name, isPublic, owner } of configs) {
    await api.admin.query(
      `insert into public.training_configs (user_id, name, public_id, is_public, config_json)
       values ($1, $2, $3, $4, '{}')`,
      [owner.user.id, name, publicId, isPublic],
    );
  }
  return { owners, memberships, configs };
}
