import { beforeAll, describe, expect, it } from 'vitest';
import type { ExecutionRef } from '../../src/platform/feed/events.ts';
import { appendEvents } from '../../src/platform/feed/feed.ts';
import {
  type FeedClient,
  insertTraining,
  insertUser,
  line,
  notifiedDuring,
  openFeed,
} from '../support/feed.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { insertTenant } from '../support/tenants.ts';

let database: TestDatabase;
let db: FeedClient;
let user: string;

beforeAll(async () => {
  const feed = await openFeed();
  ({ database, db, user } = feed);
  return feed.close;
});

const hintsOf = (work: () => Promise<unknown>) => notifiedDuring(database.admin, ['runcast_feed'], work);
const accessOf = (work: () => Promise<unknown>) => notifiedDuring(database.admin, ['runcast_access'], work);
const training = async (owner = user): Promise<ExecutionRef> => ({
  kind: 'training',
  id: await insertTraining(db, owner),
});

describe('a session that sends its own hints elsewhere', () => {
  /** Leaves the session as it was. */
  async function without(work: () => Promise<unknown>) {
    await db.query("set runcast.hints = 'off'");
    await work();
    await db.query('reset runcast.hints');
  }

  it('appends without a notification', async () => {
    const ref = await training();
    const append = () => appendEvents(db, { ...ref, events: [line('a')] });
    expect(await hintsOf(() => without(append))).toEqual([]);
    expect(await hintsOf(append)).toEqual([{ k: 'training', i: ref.id, s: 3, u: user, t: false }]);
  });

  it('notifies all the same of what it changes past the feed, as anybody would', async () => {
    const ref = await training();
    const change = () =>
      db.query("update public.training_executions set status = 'failed' where id = $1", [ref.id]);
    expect(await hintsOf(() => without(change))).toEqual([
      { k: 'training', i: ref.id, s: 2, u: user, t: true },
    ]);
  });

  it('notifies of an execution that comes and of one that goes', async () => {
    const hints = await hintsOf(() =>
      without(async () => {
        const { id } = await training();
        await db.query('delete from public.training_executions where id = $1', [id]);
      }),
    );
    expect(hints).toEqual([
      expect.objectContaining({ s: 1, t: false }),
      expect.objectContaining({ s: null, t: true, d: true }),
    ]);
  });
});

describe('an execution that is deleted', () => {
  it('ends its feed for whoever follows it', async () => {
    const { id } = await training();
    const remove = () => db.query('delete from public.training_executions where id = $1', [id]);
    expect(await hintsOf(remove)).toEqual([{ k: 'training', i: id, s: null, u: user, t: true, d: true }]);
  });

  it('together with its owner ends it as well', async () => {
    const leaver = await insertUser(db);
    const { id } = await training(leaver);
    const remove = () => db.query('delete from auth.users where id = $1', [leaver]);
    expect(await hintsOf(remove)).toEqual([{ k: 'training', i: id, s: null, u: leaver, t: true, d: true }]);
  });

  it('with all others by a truncate is one hint for all of the kind', async () => {
    await training();
    await training();
    const truncate = () => db.query('truncate public.agent_executions, public.training_executions cascade');
    const hints = await hintsOf(truncate);
    expect(hints).toHaveLength(2);
    expect(hints).toContainEqual({ k: 'training', d: true, t: true });
    expect(hints).toContainEqual({ k: 'agent', d: true, t: true });
  });

  it('by a transaction that is rolled back goes on', async () => {
    const { id } = await training();
    const change = async () => {
      await db.query('begin');
      await db.query('delete from public.training_executions where id = $1', [id]);
      await db.query('rollback');
    };
    expect(await hintsOf(change)).toEqual([]);
  });
});

describe('a membership', () => {
  const member = async () => {
    const id = await insertUser(db);
    return { id, tenant: await insertTenant(db.client, { [id]: 'member' }) };
  };
  const changeOf = (id: string, assignment: string) => () =>
    db.query(`update public.user_tenants set ${assignment} where user_id = $1`, [id]);

  it.each([
    "role = 'viewer'",
    "status = 'suspended'",
    "status = 'removed'",
  ])('that changes is announced: %s', async (assignment) => {
    const { id } = await member();
    expect(await accessOf(changeOf(id, assignment))).toEqual([{ u: id }]);
  });

  it('that changes hands is announced to both', async () => {
    const { id } = await member();
    const other = await insertUser(db);
    expect(await accessOf(changeOf(id, `user_id = '${other}'`))).toEqual([{ u: id }, { u: other }]);
  });

  it('that moves to another tenant is announced', async () => {
    const { id } = await member();
    const elsewhere = await insertTenant(db.client, {});
    expect(await accessOf(changeOf(id, `tenant_id = '${elsewhere}'`))).toEqual([{ u: id }]);
  });

  it('that is written back as it was is not', async () => {
    const { id } = await member();
    expect(await accessOf(changeOf(id, 'role = role, status = status'))).toEqual([]);
  });

  it('that goes is announced, with its tenant or its user too', async () => {
    for (const statement of [
      'delete from public.user_tenants where tenant_id = $2 and user_id = $1',
      'delete from public.tenants where id = $2 and $1::uuid is not null',
      'delete from auth.users where id = $1 and $2::uuid is not null',
    ]) {
      const { id, tenant } = await member();
      expect(await accessOf(() => db.query(statement, [id, tenant]))).toEqual([{ u: id }]);
    }
  });

  it('of everybody at once is announced without a name', async () => {
    await member();
    await member();
    expect(await accessOf(() => db.query('truncate public.user_tenants'))).toEqual([{ u: null }]);
  });

  it('is announced again once triggers that somebody turned off are attached anew', async () => {
    const { id } = await member();
    await db.query('alter table public.user_tenants disable trigger all');
    expect(await accessOf(changeOf(id, "role = 'viewer'"))).toEqual([]);
    await db.query('alter table public.user_tenants enable trigger all');
    await db.query('drop trigger zz_runcast_access_update on public.user_tenants');
    await db.query('select runcast.attach_access_hints()');
    expect(await accessOf(changeOf(id, "role = 'member'"))).toEqual([{ u: id }]);
  });
});
