import { buildSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { badDeprecations, breakingChanges, undescribed } from '../../scripts/contract.ts';
import { acceptedBreaks, releasedPage } from '../../scripts/releases.ts';

const TODAY = new Date('2027-03-01T00:00:00Z');

const coordinates = async (released: string, current: string) =>
  (await breakingChanges(released, buildSchema(current), TODAY)).map(({ coordinate }) => coordinate);

describe('a breaking change', () => {
  const released = `
    type Query { run(id: ID, kind: Kind): Run  runs(filter: Filter): [Run!]! }
    interface Node { id: ID! }
    type Run implements Node { id: ID!  error: String! }
    enum Kind { SFT DPO }
    input Filter { name: String }`;

  it.each([
    ['a field that is gone', released.replace('error: String!', ''), 'Run.error'],
    ['a field that may be null now', released.replace('error: String!', 'error: String'), 'Run.error'],
    ['an argument that is gone', released.replace('id: ID,', ''), 'Query.run.id'],
    ['an argument that is required now', released.replace('id: ID,', 'id: ID!,'), 'Query.run.id'],
    ['a value that is gone', released.replace('DPO', ''), 'Kind.DPO'],
    ['an input field that is required now', released.replace('name: String', 'name: String!'), 'Filter.name'],
    [
      'a new input field without which it fails',
      released.replace('name: String', 'name: String b: ID!'),
      'Filter.b',
    ],
  ])('is %s', async (_what, current, coordinate) => {
    expect(await coordinates(released, current)).toEqual([coordinate]);
  });

  it.each([
    ['a new field', released.replace('error: String!', 'error: String!  status: String')],
    ['a new optional argument', released.replace('id: ID,', 'id: ID, after: Int,')],
    ['a new value', released.replace('DPO', 'DPO RLHF')],
    ['a deprecation', released.replace('String!', 'String! @deprecated(reason: "since 2027-02-01: use x.")')],
  ])('is not %s', async (_what, current) => {
    expect(await coordinates(released, current)).toEqual([]);
  });
});

describe('what the last release deprecated', () => {
  const released = (since: string) => `
    type Query { run: Int  old: Old @deprecated(reason: "since ${since}: use run.") }
    type Old { part: Part }
    type Part { id: ID }`;
  const current = 'type Query { run: Int }';

  it('may go after 90 days, with the types that nothing else leads to', async () => {
    expect(await coordinates(released('2026-12-01'), current)).toEqual([]);
  });

  it('may not go before', async () => {
    expect(await coordinates(released('2026-12-02'), current)).toContain('Query.old');
  });
});

it('finds every kind of element that has no description', () => {
  const bare = buildSchema(`
    type Query implements Named { name(of: In): Kind }
    interface Named { name(of: In): Kind }
    input In { at: Moment }
    scalar Moment
    enum Kind { A }
    union Any = Query`);
  expect(undescribed(bare).sort()).toEqual(
    ['Any', 'In', 'In.at', 'Kind', 'Kind.A', 'Moment', 'Named', 'Named.name', 'Named.name(of:)'].concat([
      'Query',
      'Query.name',
      'Query.name(of:)',
    ]),
  );
});

describe('a deprecation', () => {
  const faults = (reason: string) =>
    badDeprecations(
      buildSchema(
        `type Query { a(b: Int @deprecated(reason: "${reason}")): E } enum E { A @deprecated(reason: "${reason}") }`,
      ),
      TODAY,
    ).map((fault) => fault.split(' ')[0]);

  it('says since when and what to use instead', () => {
    expect(faults('since 2026-11-22: use c.')).toEqual([]);
  });

  it.each([
    'use c',
    'since 2026-11-22',
    'since 2026-13-45: use c.',
    'since 2027-03-02: use c.',
  ])('is refused with the reason "%s"', (reason) => {
    expect(faults(reason).sort()).toEqual(['E.A', 'Query.a(b:)']);
  });
});

describe('the page of breaking changes', () => {
  const page =
    '# Breaks\n\n## Unreleased\n\n| c | w |\n|---|---|\n| `Run.a` | x |\n| `Run.b` | y |\n\n## 0.1.0, 2026-11-22\n\n| `Run.old` | z |\n';

  it('accepts what is listed as unreleased, and nothing of earlier versions', () => {
    expect(acceptedBreaks(page)).toEqual(['Run.a', 'Run.b']);
    expect(acceptedBreaks('## Unreleased\n\n| `A.b` | last section |\n')).toEqual(['A.b']);
  });

  it('keeps them under the version of a release', () => {
    const released = releasedPage(page, '0.2.0', '2026-12-24');
    expect(acceptedBreaks(released)).toEqual([]);
    expect(released).toContain('## 0.2.0, 2026-12-24\n\n| c | w |');
    expect(releasedPage(released, '0.3.0', '2027-01-01')).toBe(released);
  });
});
