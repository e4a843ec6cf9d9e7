import { getIntrospectionQuery } from 'graphql';

/** What an attacker sends, and the codes that it may be refused with. */
export type Hostile = {
  name: string;
  query: string;
  /** As JSON: deeper than JSON.stringify goes. */
  variables?: string;
  codes: readonly string[];
};

const times = (count: number, make: (at: number) => string, separator = ' ') =>
  Array.from({ length: count }, (_, at) => make(at)).join(separator);
const nested = (depth: number, open: string, inner: string, close: string) =>
  `${open.repeat(depth)}${inner}${close.repeat(depth)}`;
const RUNS = 'trainingExecutions';
const node = (inner: string, args = '') => `${RUNS}${args} { edges { node { ${inner} } } }`;
const events = (inner: string, args: string) => `events${args} { edges { node { ${inner} } } }`;

const INVALID = ['GRAPHQL_VALIDATION_FAILED'];
const LONG = ['QUERY_TOO_LONG'];
const DEEP = ['QUERY_TOO_DEEP'];
/** Over HTTP the operation to run is looked for first. */
const OPERATIONS = ['TOO_MANY_OPERATIONS', 'OPERATION_RESOLUTION_FAILURE'];
const COMPLEX = ['QUERY_TOO_COMPLEX'];

function hostile(name: string, codes: readonly string[], query: string, variables?: string): Hostile {
  return { name, query, codes, ...(variables !== undefined && { variables }) };
}

const deep = [
  hostile('20,000 nested fields', [...LONG, ...DEEP], `{${nested(20_000, 'a{', 'b', '}')}}`),
  hostile('20,000 open braces', [...LONG, ...DEEP], '{a'.repeat(20_000)),
  hostile('1,000 nested fields', DEEP, `{${nested(1_000, 'a{', 'b', '}')}}`),
  hostile('200 nested inline fragments', DEEP, `{${nested(200, '...{', '__typename', '}')}}`),
  hostile('20 nested fields', DEEP, `{${nested(20, 'a{', 'b', '}')}}`),
  hostile('50,000 nested lists', [...LONG, ...DEEP], `{ a(b: ${nested(49_000, '[', '1', ']')}) }`),
  hostile('1,000 nested lists', DEEP, `{ a(b: ${nested(1_000, '[', '1', ']')}) }`),
  hostile('500 nested objects', DEEP, `{ a(b: ${nested(500, '{c:', '1', '}')}) }`),
  hostile(
    'a type of 2,000 nested lists',
    DEEP,
    `query ($a: ${nested(2_000, '[', 'Int', ']')}) { viewer { id } }`,
  ),
  hostile(
    'a default of 2,000 nested lists',
    DEEP,
    `query ($a: JSON = ${nested(2_000, '[', '', ']')}) { viewer { id } }`,
  ),
  hostile(
    'depth by a chain of 30 fragments',
    DEEP,
    `{ ...F0 } ${times(30, (at) => `fragment F${at} on Query { a { ...F${at + 1} } }`)} fragment F30 on Query { b }`,
  ),
  hostile(
    'variables nested 100,000 deep',
    DEEP,
    '{ viewer { id } }',
    `{"a":${nested(100_000, '[', '', ']')}}`,
  ),
  hostile(
    'variables of 20,000 nested objects',
    DEEP,
    'query ($a: ID!) { node(id: $a) { id } }',
    `{"a":${nested(20_000, '{"a":', '1', '}')}}`,
  ),
  hostile(
    'nested variables of type JSON',
    DEEP,
    'mutation ($c: CreateTrainingConfigInput!) { createTrainingConfig(input: $c) { __typename } }',
    `{"c":{"name":"a","publicId":"b","config":${nested(60, '{"a":', '1', '}')}}}`,
  ),
];

const wide = [
  hostile(
    '10,000 aliases',
    [...LONG, 'TOO_MANY_ALIASES'],
    `{ ${times(10_000, (at) => `a${at}:viewer{id}`)} }`,
  ),
  hostile('100 aliases', ['TOO_MANY_ALIASES'], `{ ${times(100, (at) => `a${at}: viewer { id }`)} }`),
  hostile('100 aliases inside', ['TOO_MANY_ALIASES'], `{ viewer { ${times(100, (at) => `a${at}: id`)} } }`),
  hostile('50 root fields', ['TOO_MANY_ROOT_FIELDS'], `{ ${times(50, (at) => `a${at}: viewer { id }`)} }`),
  hostile(
    '50 mutations',
    ['TOO_MANY_ROOT_FIELDS'],
    `mutation { ${times(50, (at) => `a${at}: cancelTraining(id: "x") { __typename }`)} }`,
  ),
  hostile('20,000 fields', LONG, `{ ${'a '.repeat(20_000)} }`),
  hostile('2,000 times the same field', COMPLEX, `{ viewer { ${'id '.repeat(2_000)} } }`),
  hostile('500 times the same object', COMPLEX, `{ ${'viewer { id } '.repeat(500)} }`),
  hostile(
    'the same field 1,900 times in a fragment that nobody uses',
    COMPLEX,
    `{ viewer { id } } fragment Unused on Query { ${'viewer '.repeat(1_900)} }`,
  ),
  hostile('1,000 unknown fields', INVALID, `{ viewer { ${times(1_000, (at) => `idd${at}`)} } }`),
  hostile('900 unknown arguments', INVALID, `{ viewer { id(${times(900, (at) => `a${at}: 1`)}) } }`),
  hostile(
    '29 unknown types',
    INVALID,
    `{ ${times(29, (at) => `... on Traning${at} { id }`)} viewer { id } }`,
  ),
  hostile('a name of 90,000 letters', INVALID, `{ ${'a'.repeat(90_000)} }`),
];

const fragments = [
  hostile('a fragment of itself', [...INVALID, ...DEEP], '{ ...A } fragment A on Query { ...A }'),
  hostile(
    'a fragment of itself below a field',
    [...INVALID, ...DEEP],
    '{ ...A } fragment A on Query { viewer { ...B } } fragment B on Viewer { tenants { ...B } id }',
  ),
  hostile(
    'two fragments of each other',
    [...INVALID, ...DEEP],
    '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }',
  ),
  hostile(
    'a circle of 100 fragments',
    [...INVALID, ...DEEP],
    `{ ...F0 } ${times(100, (at) => `fragment F${at} on Query { ...F${(at + 1) % 100} }`)}`,
  ),
  hostile(
    '2^14 fields by 14 fragments',
    [...COMPLEX, ...DEEP],
    `{ ...F0 } ${times(14, (at) => `fragment F${at} on Query { x: node(id: "1") { ...F${at + 1} } y: node(id: "2") { ...F${at + 1} } }`)} fragment F14 on Node { id }`,
  ),
  hostile(
    '400 fragments',
    [...INVALID, ...LONG],
    `{ a } ${times(400, (at) => `fragment F${at} on Query { a }`)}`,
  ),
  hostile(
    '150 fragments of each other all',
    [...INVALID, ...LONG, ...COMPLEX],
    `{ ${times(30, (at) => `...F${at}`)} } ${times(30, (at) => `fragment F${at} on Query { ${times(30, (other) => `...F${other}`)} }`)}`,
  ),
];

const lists = [
  hostile('a page of a million', COMPLEX, `{ ${node('id', '(first: 1000000)')} }`),
  hostile(
    'a page of a million by variable',
    COMPLEX,
    `query ($n: Int) { ${node('id', '(first: $n)')} }`,
    '{"n":1000000}',
  ),
  hostile(
    'a page of a million by default',
    COMPLEX,
    `query ($n: Int = 1000000) { ${node('id', '(first: $n)')} }`,
  ),
  hostile('pages of 100 times 500', COMPLEX, `{ ${node(events('seq', '(first: 500)'), '(first: 100)')} }`),
  hostile(
    'pages of 100 times 500 by variables',
    COMPLEX,
    `query ($a: Int, $b: Int) { ${node(events('seq', '(first: $b)'), '(first: $a)')} }`,
    '{"a":100,"b":500}',
  ),
  hostile(
    'pages behind a fragment',
    COMPLEX,
    `{ ${RUNS}(last: 100) { ...Page } } fragment Page on TrainingExecutionConnection { edges { node { ${events('seq', '(last: 500)')} } } }`,
  ),
  hostile(
    'many pages side by side',
    COMPLEX,
    `{ ${times(29, (at) => `a${at}: ${node('id publicId status progress provider method error createdAt updatedAt startedAt completedAt attempt etaSeconds colabUrl huggingfaceUrl callbackUrl databaseId openaiJobId config { id name publicId datasets { id name format storagePath createdAt } }', '(first: 100)')}`)} }`,
  ),
  hostile(
    '100,000 values in variables',
    ['VARIABLES_TOO_LARGE'],
    'query ($a: ID!) { node(id: $a) { id } }',
    `{"a":[${times(100_000, () => '1', ',')}]}`,
  ),
  hostile(
    '60,000 variables that nobody declares',
    ['VARIABLES_TOO_LARGE'],
    '{ viewer { id } }',
    `{${times(60_000, (at) => `"v${at}":1`, ',')}}`,
  ),
  hostile(
    '1,000 variables',
    [...INVALID, ...LONG],
    `query (${times(1_000, (at) => `$v${at}: Int`)}) { viewer { id } }`,
  ),
];

const directives = [
  hostile(
    '100 kB of directives',
    [...LONG, 'TOO_MANY_DIRECTIVES'],
    `{ viewer { id ${'@include(if: true) '.repeat(5_000)} } }`,
  ),
  hostile('100 directives', ['TOO_MANY_DIRECTIVES'], `{ viewer { id ${'@skip(if: false) '.repeat(100)} } }`),
  hostile(
    '100 unknown directives',
    ['TOO_MANY_DIRECTIVES'],
    `{ viewer { id ${times(100, (at) => `@a${at}`)} } }`,
  ),
  hostile(
    'directives on the operation',
    ['TOO_MANY_DIRECTIVES'],
    `query ${'@a '.repeat(60)} { viewer { id } }`,
  ),
];

const introspection = [
  hostile(
    'types of fields of types of fields',
    [...INVALID, ...COMPLEX],
    '{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }',
  ),
  hostile(
    'types of arguments of types of fields',
    [...INVALID, ...COMPLEX],
    '{ __schema { types { fields { args { type { fields { args { type { fields { args { name } } } } } } } } } } }',
  ),
  hostile(
    'the whole schema ten times',
    COMPLEX,
    `{ ${times(10, (at) => `a${at}: __schema { types { name description fields { name description args { name description type { name kind ofType { name kind ofType { name kind } } } } type { name kind ofType { name } } } } }`)} }`,
  ),
  hostile(
    'the whole schema in fragments',
    [...COMPLEX, ...INVALID, ...DEEP],
    `{ __schema { types { ...T } } } fragment T on __Type { name fields { type { ...U } } possibleTypes { ...U } interfaces { ...U } } fragment U on __Type { name fields { type { name fields { name } } } possibleTypes { name fields { name } } interfaces { name fields { name } } }`,
  ),
  hostile(
    'a type of a hundred nested wrappers',
    DEEP,
    `{ __type(name: "Query") { ${nested(50, 'ofType {', 'name', '}')} } }`,
  ),
  hostile('the standard query twice in one', [...COMPLEX, ...INVALID], twice(getIntrospectionQuery())),
];

function twice(query: string): string {
  const inner = query
    .slice(query.indexOf('{') + 1, query.indexOf('fragment FullType'))
    .trim()
    .slice(0, -1);
  return query.replace(inner, `${inner} again: ${inner.trim()}`);
}

const texts = [
  hostile('a text of 500,000 letters', LONG, `{ node(id: "${'a'.repeat(500_000)}") { id } }`),
  hostile('a block text of 300,000 letters', LONG, `{ node(id: """${'\\n'.repeat(150_000)}""") { id } }`),
  hostile('a comment of 900,000 letters', LONG, `{ viewer { id } } #${'a'.repeat(900_000)}`),
  hostile('900,000 commas', LONG, `{ viewer { id } ${','.repeat(900_000)} }`),
  hostile('a text that does not end', ['GRAPHQL_PARSE_FAILED'], `{ node(id: "${'a'.repeat(90_000)}`),
  hostile(
    '100 operations',
    OPERATIONS,
    times(100, (at) => `query Q${at} { viewer { id } }`),
  ),
  hostile(
    '1,000 operations',
    [...LONG, ...OPERATIONS],
    times(1_000, (at) => `query Q${at} { a }`),
  ),
  hostile('900 operations without a name', [...LONG, ...OPERATIONS], '{a}'.repeat(900)),
  hostile(
    '50 types of a schema',
    INVALID,
    `{ viewer { id } } ${times(50, (at) => `type T${at} { a: Int }`)}`,
  ),
  hostile('zeros', ['GRAPHQL_PARSE_FAILED'], '\u0000'.repeat(90_000)),
];

/** More than fifty documents that cost their sender next to nothing, each refused before a database hears of it. */
export const hostileDocuments: readonly Hostile[] = [
  ...deep,
  ...wide,
  ...fragments,
  ...lists,
  ...directives,
  ...introspection,
  ...texts,
];
