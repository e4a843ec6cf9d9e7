import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Claims } from '../../../src/platform/db/claims.ts';
import type { ViewerDatabase } from '../../../src/platform/db/viewer.ts';
import { createAccessWatch } from '../../../src/platform/live/access-watch.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { Held, settled } from '../../support/hub/held.ts';
import { captureLog } from '../../support/log.ts';

afterEach(() => {
  vi.useRealTimers();
});

const run = (id: string) => ({ kind: 'training', id }) as const;
const viewerOf = (sub: string, exp = 0) => ({ claims: { role: 'authenticated', sub, exp } satisfies Claims });

/** A watch over a database that knows who may see what, and answers at once or when a test says so. */
function open({ log = createLogger('silent'), isHeld = false } = {}) {
  const held = new Held();
  const hidden = new Set<string>();
  const looks: { claims: Claims; ids: readonly string[] }[] = [];
  const state = { isAway: false, most: 0, running: 0 };
  const answer = (ids: readonly string[], { sub = 'service' }: Claims) => {
    state.running -= 1;
    if (state.isAway) throw new Error('the database is away');
    return ids.filter((id) => !hidden.has(`${sub} ${id}`)).map((id) => ({ kind: 'training', id }));
  };
  const withViewer = async (claims: Claims, work: (db: { sql: object }) => Promise<unknown>) => {
    const query = (_text: string, [, ids]: [unknown, string[]]) => {
      looks.push({ claims, ids });
      state.running += 1;
      state.most = Math.max(state.most, state.running);
      return isHeld
        ? held.hold(() => answer(ids, claims))
        : Promise.resolve().then(() => answer(ids, claims));
    };
    return work({ sql: { query } });
  };
  // Of a database it uses nothing else.
  const viewerDb = { withViewer } as unknown as ViewerDatabase;
  const access = createAccessWatch({ viewerDb, log });
  const revoked: string[] = [];
  const watch = (viewer: { claims: Claims }, id: string) =>
    access.watch(viewer, run(id), () => revoked.push(`${viewer.claims.sub ?? 'service'} ${id}`));
  return { access, watch, hidden, looks, revoked, held, state };
}

describe('a watch over access', () => {
  it('looks at nothing before something changes', async () => {
    const { access, watch, looks } = open();
    watch(viewerOf('ann'), 'a');
    access.userChanged('bob');
    await settled();
    expect(looks).toEqual([]);
    access.close();
  });

  it('ends what a user may see no more, and nothing else', async () => {
    const { access, watch, hidden, looks, revoked } = open();
    for (const id of ['a', 'b', 'c']) watch(viewerOf('ann'), id);
    watch(viewerOf('bob'), 'b');
    hidden.add('ann b').add('bob b');
    access.userChanged('ann');
    await settled();
    expect(revoked).toEqual(['ann b']);
    expect(looks.every(({ claims }) => claims.sub === 'ann')).toBe(true);
    access.close();
  });

  it('looks at all executions of a user’s sockets in one statement, under claims of the user’s own', async () => {
    const { access, watch, hidden, looks, revoked } = open();
    for (let i = 0; i < 100; i += 1) watch(viewerOf('ann', i), `run${i % 10}`);
    hidden.add('ann run3');
    access.userChanged('ann');
    await settled();
    expect(looks).toHaveLength(1);
    expect(revoked).toEqual(Array.from({ length: 10 }, () => 'ann run3'));
    access.close();
  });

  it('looks at many in portions', async () => {
    const { access, watch, hidden, looks, revoked } = open();
    for (let i = 0; i < 1_201; i += 1) watch(viewerOf('ann'), `run${i}`);
    hidden.add('ann run0').add('ann run1200');
    access.userChanged('ann');
    await vi.waitFor(() => expect(revoked).toEqual(['ann run0', 'ann run1200']));
    expect(looks.map(({ ids }) => ids.length)).toEqual([500, 500, 201]);
    access.close();
  });

  it('says nothing more to who has ended the watch, though a look is under way', async () => {
    const { access, watch, hidden, revoked, held } = open({ isHeld: true });
    const stop = watch(viewerOf('ann'), 'a');
    hidden.add('ann a');
    access.userChanged('ann');
    await settled();
    stop();
    held.release();
    await settled();
    expect(revoked).toEqual([]);
    access.close();
  });

  it('looks again where something changes while it looks', async () => {
    const { access, watch, hidden, revoked, held, looks } = open({ isHeld: true });
    watch(viewerOf('ann'), 'a');
    access.userChanged('ann');
    await settled();
    held.release();
    hidden.add('ann a');
    access.userChanged('ann');
    await settled();
    held.release();
    await settled();
    expect({ looks: looks.length, revoked }).toEqual({ looks: 2, revoked: ['ann a'] });
    access.close();
  });

  it('looks under claims that were renewed meanwhile', async () => {
    const { access, watch, looks } = open();
    const viewer: { claims: Claims } = viewerOf('ann');
    watch(viewer, 'a');
    viewer.claims = { ...viewer.claims, email: 'ann@example.com' };
    access.userChanged('ann');
    await settled();
    expect(looks).toMatchObject([{ claims: { sub: 'ann', email: 'ann@example.com' } }]);
    access.close();
  });

  it('looks at everybody where anybody’s may have changed, services too, few at a time', async () => {
    const { access, watch, hidden, revoked, held, state } = open({ isHeld: true });
    for (let i = 0; i < 20; i += 1) watch(viewerOf(`user${i}`), 'a');
    watch({ claims: { role: 'service_role' } }, 'a');
    hidden.add('user7 a').add('service a');
    const { changes } = access;
    access.anybodyChanged();
    expect(access.changes).toBe(changes + 1);
    for (await settled(); held.count > 0; await settled()) held.release();
    expect({ revoked, most: state.most }).toEqual({ revoked: ['user7 a', 'service a'], most: 2 });
    access.close();
  });

  it('tries again where the database was away', async () => {
    const { log, until } = captureLog();
    const { access, watch, hidden, revoked, state } = open({ log });
    watch(viewerOf('ann'), 'a');
    hidden.add('ann a');
    state.isAway = true;
    access.userChanged('ann');
    await until(({ reason }) => reason === 'the database is away');
    state.isAway = false;
    await vi.waitFor(() => expect(revoked).toEqual(['ann a']));
    access.close();
  });

  it('looks at everybody once a minute in any case, and no more once it is closed', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { access, watch, hidden, looks, revoked } = open();
    watch(viewerOf('ann'), 'a');
    hidden.add('ann a');
    vi.advanceTimersByTime(60_000);
    await settled();
    expect(revoked).toEqual(['ann a']);
    access.close();
    const before = looks.length;
    vi.advanceTimersByTime(300_000);
    await settled();
    expect(looks).toHaveLength(before);
  });
});
