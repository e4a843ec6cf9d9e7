import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { settled } from '../../support/hub/held.ts';
import { LiveStage, type Subscriber, user } from '../../support/hub/live-stage.ts';

let stage: LiveStage;
beforeEach(() => {
  stage = new LiveStage();
});

const EVENTS = 'subscription ($id: ID!, $after: Int = 0) { events(id: $id, after: $after) { lastSeq seqs } }';
const MINE = 'subscription ($id: ID!, $after: Int = 0) { events(id: $id, after: $after) { lastSeq me } }';
const STATE = 'subscription ($id: ID!) { state(id: $id) { id me version } }';
const ann = user('ann');
const bob = user('bob');
const variables = { id: 'a' };

const settle = async () => {
  for (let i = 0; i < 5; i += 1) await settled();
};
const groups = () => stage.topics.a.holders + stage.topics.b.holders;

describe('subscriptions that ask the same', () => {
  it('share one execution of what is the same for all, whoever they are and wherever they begin', async () => {
    stage.topics.a.add(2);
    const late = await stage.follow(bob, EVENTS, { variables: { ...variables, after: 2 } });
    const first = await stage.follow(ann, EVENTS, { variables });
    await settle();
    stage.topics.a.add();
    await settle();
    expect(first.data).toEqual([
      { lastSeq: 2, seqs: [1, 2] },
      { lastSeq: 3, seqs: [3] },
    ]);
    expect(late.data).toEqual([{ lastSeq: 3, seqs: [3] }]);
    expect(stage.live.executions).toEqual(['all', 'all']);
    expect({ groups: groups(), subscribers: stage.stats.subscribers }).toEqual({ groups: 1, subscribers: 2 });
  });

  it('share none between users of what depends on who asks', async () => {
    const subscribers = [
      await stage.follow(ann, MINE, { variables }),
      await stage.follow(bob, MINE, { variables }),
    ];
    const annAgain = await stage.follow(user('ann', { exp: 99 }), MINE, { variables });
    stage.topics.a.add();
    await settle();
    expect([...subscribers, annAgain].map(({ data }) => data)).toEqual([
      [{ lastSeq: 1, me: 'ann' }],
      [{ lastSeq: 1, me: 'bob' }],
      [{ lastSeq: 1, me: 'ann' }],
    ]);
    expect(stage.live.executions.sort()).toEqual(['ann', 'bob']);
  });

  it('share none where a user’s claims differ', async () => {
    const claims = [ann, user('ann', { email: 'ann@example.com' }), user('ann', { role: 'service_role' })];
    for (const each of claims) await stage.follow(each, MINE, { variables });
    expect(groups()).toBe(3);
  });

  it('share none where documents, operations, variables or topics differ', async () => {
    const two = 'subscription A { events(id: "a") { lastSeq } } subscription B { events(id: "a") { seqs } }';
    const tagged =
      'subscription ($id: ID!, $tag: String, $text: String) { events(id: $id, tag: $tag) { echo(text: $text) } }';
    const one = await stage.follow(ann, two, { operationName: 'A' });
    const other = await stage.follow(ann, two, { operationName: 'B' });
    const echoes: Subscriber[] = [];
    for (const others of [{}, { text: 'x' }, { text: 'y' }, { tag: 't' }, { text: null }]) {
      echoes.push(await stage.follow(ann, tagged, { variables: { ...variables, ...others } }));
    }
    await stage.follow(ann, EVENTS, { variables: { id: 'b' } });
    expect(groups()).toBe(8);
    stage.topics.a.add();
    await settle();
    expect([one.data, other.data]).toEqual([[{ lastSeq: 1 }], [{ seqs: [1] }]]);
    expect(echoes.map(({ data }) => data[0].echo)).toEqual([
      '{}',
      '{"text":"x"}',
      '{"text":"y"}',
      '{}',
      '{"text":null}',
    ]);
  });

  it('follow what @skip and @include leave, each their own', async () => {
    const query = `subscription ($seqs: Boolean!) {
      events(id: "a") { lastSeq seqs @include(if: $seqs) echo(text: "x") @skip(if: $seqs) }
    }`;
    const [with_, without] = [
      await stage.follow(ann, query, { variables: { seqs: true } }),
      await stage.follow(bob, query, { variables: { seqs: false } }),
    ];
    stage.topics.a.add();
    await settle();
    expect(with_.data).toEqual([{ lastSeq: 1, seqs: [1] }]);
    expect(without.data).toEqual([{ lastSeq: 1, echo: '{"text":"x"}' }]);
  });

  it('keep their aliases and fragments', async () => {
    const query = `subscription { mine: events(id: "a") { n: lastSeq ...F } } fragment F on Batch { nodes { x: seq } }`;
    const subscriber = await stage.follow(ann, query);
    stage.topics.a.add();
    await settle();
    expect(subscriber.received).toEqual([{ data: { mine: { n: 1, nodes: [{ x: 1 }] } } }]);
  });

  it('are given no identity where the schema says that they need none, and fail rather than tell anybody’s', async () => {
    const query = 'subscription { events(id: "a") { lastSeq unmarked } }';
    const subscribers = [await stage.follow(ann, query), await stage.follow(bob, query)];
    stage.topics.a.add();
    await settle();
    for (const { received } of subscribers) {
      expect(received).toMatchObject([{ data: { events: { lastSeq: 1, unmarked: null } }, errors: [{}] }]);
      expect(JSON.stringify(received)).not.toMatch(/"ann"|"bob"/);
    }
  });

  it('begin after the larger of their own cursor and the one that the client has named', async () => {
    stage.topics.a.add(5);
    const from = (after: number, named: number) =>
      stage.follow(ann, EVENTS, { variables: { ...variables, after }, from: named });
    const all = [await from(0, 3), await from(4, 2), await from(1, 0)];
    await settle();
    expect(all.map(({ data }) => data.flatMap(({ seqs }) => seqs))).toEqual([[4, 5], [5], [2, 3, 4, 5]]);
  });
});

describe('a subscription', () => {
  it('leaves nothing behind when it is left, also twice', async () => {
    const subscribers = [
      await stage.follow(ann, EVENTS, { variables }),
      await stage.follow(bob, STATE, { variables }),
    ];
    await settle();
    for (const { leave } of [...subscribers, ...subscribers]) leave();
    stage.topics.a.add();
    await settle();
    expect(groups()).toBe(0);
    expect(stage.stats.subscribers).toBe(0);
    for (const watches of stage.live.watches.values()) expect(watches.size).toBe(0);
    expect(subscribers.map(({ received, ends }) => [received.length, ends.length])).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });

  it('leaves nothing behind when it comes to its end', async () => {
    const subscribers = [
      await stage.follow(ann, EVENTS, { variables }),
      await stage.follow(bob, STATE, { variables }),
    ];
    stage.topics.a.add();
    stage.topics.a.end();
    await settle();
    for (const { ends, faults } of subscribers)
      expect({ ends, faults }).toEqual({ ends: [undefined], faults: [] });
    for (const { leave } of subscribers) leave();
    expect({ groups: groups(), subscribers: stage.stats.subscribers }).toEqual({ groups: 0, subscribers: 0 });
    for (const watches of stage.live.watches.values()) expect(watches.size).toBe(0);
  });

  it('is told that what it follows is gone, also where it is so before it follows', async () => {
    for (const query of [EVENTS, STATE]) {
      stage = new LiveStage();
      const early = await stage.follow(ann, query, { variables });
      await settle();
      stage.topics.a.fail(new Error('gone'));
      await settle();
      const late = await stage.follow(bob, query, { variables });
      await settle();
      for (const { ends, faults } of [early, late]) {
        expect({ ends, faults }).toMatchObject({ ends: [{ errors: [{ message: 'gone' }] }], faults: [] });
      }
      expect({ groups: groups(), subscribers: stage.stats.subscribers }).toEqual({
        groups: 0,
        subscribers: 0,
      });
    }
  });

  it('ends for whom it is taken from, and for nobody else', async () => {
    for (const query of [EVENTS, STATE]) {
      stage = new LiveStage();
      const [taken, other] = [
        await stage.follow(ann, query, { variables }),
        await stage.follow(bob, query, { variables }),
      ];
      await settle();
      const before = taken.received.length;
      stage.live.revoke('ann', new Error('not yours'));
      stage.topics.a.add();
      await settle();
      expect(taken).toMatchObject({ ends: [{ errors: [{ message: 'not yours' }] }], faults: [] });
      expect(taken.received).toHaveLength(before);
      expect(other.received.length).toBeGreaterThan(0);
      expect(other.ends).toEqual([]);
      expect(stage.stats).toMatchObject({ revoked: 1, subscribers: 1 });
    }
  });

  it('is refused with what its source says', async () => {
    await expect(stage.follow(ann, EVENTS, { variables: { id: 'none' } })).rejects.toThrow(
      'there is no topic none',
    );
  });
});

describe('one’s answer', () => {
  const QUERIES = [
    EVENTS,
    MINE,
    STATE,
    'subscription ($id: ID!) { events(id: $id) { lastSeq ...F } } fragment F on Batch { me nodes { mine } }',
    'subscription ($id: ID!, $x: Boolean = true) { events(id: $id) { lastSeq me @include(if: $x) } }',
    'subscription A ($id: ID!) { events(id: $id) { lastSeq } } subscription B ($id: ID!) { events(id: $id) { me } }',
    'subscription ($id: ID!) { events(id: $id) { lastSeq unmarked } }',
  ];
  const subscription = fc.record({
    sub: fc.constantFrom('ann', 'bob', 'cyd'),
    email: fc.constantFrom(undefined, 'x@example.com'),
    query: fc.nat(QUERIES.length - 1),
    operation: fc.constantFrom('A', 'B'),
    id: fc.constantFrom('a', 'b'),
    x: fc.boolean(),
    leaves: fc.boolean(),
  });

  it('is never given to another, however they come and go', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(subscription, { minLength: 2, maxLength: 25 }), async (all) => {
        stage = new LiveStage();
        const followers: { sub: string; subscriber: Subscriber }[] = [];
        for (const { sub, email, query, operation, id, x, leaves } of all) {
          const text = QUERIES[query] ?? '';
          const subscriber = await stage.follow(user(sub, email ? { email } : {}), text, {
            variables: { id, ...(text.includes('$x') && { x }) },
            ...(text.includes('subscription A') && { operationName: operation }),
          });
          followers.push({ sub, subscriber });
          stage.topics.a.add();
          stage.topics.b.add();
          await settled();
          if (leaves) followers[Math.floor(followers.length / 2)]?.subscriber.leave();
        }
        await settle();
        for (const { sub, subscriber } of followers) {
          const named = JSON.stringify(subscriber.received).match(/"(ann|bob|cyd)"/g) ?? [];
          expect(new Set(named)).toEqual(new Set(named.length > 0 ? [`"${sub}"`] : []));
        }
        for (const { subscriber } of followers) subscriber.leave();
        expect({ groups: groups(), subscribers: stage.stats.subscribers }).toEqual({
          groups: 0,
          subscribers: 0,
        });
      }),
      { numRuns: 150 },
    );
  });
});
