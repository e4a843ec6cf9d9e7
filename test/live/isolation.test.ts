import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Data, tokenOf } from '../support/api.ts';
import { Checker } from '../support/live/isolation/checker.ts';
import { proveIsolation } from '../support/live/isolation/proof.ts';
import { RENEWALS, SocketCaller } from '../support/live/isolation/socket-caller.ts';
import { type Field, subscriptionTo } from '../support/live/isolation/subscription.ts';
import { type Run, type Viewer, World } from '../support/live/isolation/world.ts';
import { lineOf } from '../support/live/lines.ts';

const seed = Date.now() % 1_000_000;

// The full ten minutes with two hundred streams are in isolation.soak.ts.
it(`shows nobody what is not theirs, whatever they subscribe to, drop, renew or are revoked (seed ${seed})`, {
  timeout: 180_000,
}, async () => {
  const { leaks, faults, revoked, serverErrors, frames } = await proveIsolation({
    ...{ seed, runsPerOwner: 20 },
    isOver: (actions) => actions >= 1_000,
  });
  expect(leaks).toEqual({});
  expect(faults).toEqual({});
  expect(revoked.overdue).toBe(0);
  expect(serverErrors).toEqual({});
  expect(frames).toBeGreaterThan(500);
});

// A proof that cannot fail proves nothing.
it('would notice a policy that shows everybody everything', {
  timeout: 120_000,
}, async () => {
  const { leaks } = await proveIsolation({
    ...{ seed, runsPerOwner: 5 },
    isOver: (actions) => actions >= 300,
    spoil: ({ api }) => api.admin.query(openToAll()),
  });
  expect(Object.keys(leaks).join()).toContain('a run that is not to be seen');
});

describe('the checker notices', () => {
  let world: World;
  let mine: Run;
  let theirs: Run;
  let viewer: Viewer;
  beforeAll(async () => {
    world = await World.open(1);
    const [owner] = world.owners;
    const find = (isMine: boolean) => world.present().find((run) => (run.owner === owner) === isMine);
    [mine, theirs] = [find(true), find(false)] as [Run, Run];
    viewer = { name: 'A', isService: false, ...(owner && { owner }) };
  });
  afterAll(() => world?.close());

  /** What is found in these answers to one subscription to the viewer's run. */
  function findings(field: Field, ...answers: Data[]): string[] {
    const checker = new Checker(world);
    const subscription = { ...subscriptionTo(field, viewer, mine, () => 0), variables: { after: 0 } };
    checker.begun(subscription);
    for (const answer of answers) checker.next(subscription, { data: { [field]: answer } });
    const { leaks, faults } = checker.report();
    return [...Object.keys(leaks), ...Object.keys(faults)].map((kind) => kind.slice(field.length + 2));
  }

  const batch = (...seqs: number[]) => ({
    lastSeq: seqs.at(-1),
    events: seqs.map((seq) => ({ seq, message: lineOf(mine.id, seq) })),
  });
  const state = (run: Run, lastSeq: number, isMine = run.config.owner === viewer.owner) => ({
    ...{ databaseId: run.id, lastSeq, config: { name: run.config.name, isMine } },
  });

  it('nothing where nothing is wrong', () => {
    expect(findings('executionEvents', batch(1, 2), batch(3))).toEqual([]);
    expect(findings('executionChanged', state(mine, 1), state(mine, 1), state(mine, 4))).toEqual([]);
    expect(findings('executionsChanged', state(mine, 1))).toEqual([]);
  });

  it('events that are missing, doubled or out of order', () => {
    expect(findings('executionEvents', batch(1, 3))).toEqual(['not in order']);
    expect(findings('executionEvents', batch(1, 2), batch(2))).toEqual(['not in order']);
  });

  it('a line of another run', () => {
    const line = { seq: 1, message: lineOf(theirs.id, 1) };
    expect(findings('executionEvents', { lastSeq: 1, events: [line] })).toEqual(['a line of somebody else']);
  });

  it('another run, and one that its viewer may not see', () => {
    const found = ['another run', 'a run that is not to be seen'];
    expect(findings('executionChanged', state(theirs, 1))).toEqual(found);
    expect(findings('executionsChanged', state(theirs, 1))).toEqual(found.slice(1));
  });

  it('an answer that was made for somebody else, and a state older than one before', () => {
    const other = state(mine, 1, mine.config.owner !== viewer.owner);
    expect(findings('executionChanged', other)).toEqual(['an answer made for somebody else']);
    expect(findings('executionChanged', state(mine, 3), state(mine, 2))).toEqual(['an older state']);
  });
});

it('takes a socket that was dropped for gone at once', async () => {
  const world = await World.open(1);
  const [owner] = world.owners;
  const viewer: Viewer = { name: 'A', isService: false, ...(owner && { owner }) };
  const token = () => tokenOf({ role: 'authenticated', sub: owner?.user.id ?? '' });
  const caller = new SocketCaller({ viewer, url: world.api.url, token, checker: new Checker(world) });
  const renewal = await token();
  for (const by of RENEWALS) {
    expect(await caller.renew(renewal, by)).toBe('renewed');
    caller.drop();
    // Its close comes later, as an event.
    expect(await caller.renew(renewal, by)).toBe('renewed');
  }
  caller.drop();
  await world.close();
});

function openToAll(): string {
  const tables = ['public.training_executions', 'runcast.execution_streams', 'runcast.execution_events'];
  return tables
    .map((table) => `create policy leak on ${table} for select to authenticated using (true)`)
    .join(';');
}
