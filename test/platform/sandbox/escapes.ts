import type { SandboxCode } from '../../../src/platform/sandbox/errors.ts';

/** What an attempt to get out comes to: a value that is harmless, or one of several typed failures. */
type Outcome = { value: unknown } | readonly SandboxCode[];
export type Escape = readonly [what: string, source: string, outcome: Outcome];

const nothing = { value: null };
const failed = ['EXPRESSION_FAILED'] as const;
const invalid = ['EXPRESSION_INVALID'] as const;
/** Which of the limits ends it depends on the machine. */
const tooDeep = ['DEPTH_LIMIT', 'TIME_LIMIT'] as const;
const limited = ['TIME_LIMIT', 'MEMORY_LIMIT', 'SIZE_LIMIT', 'DEPTH_LIMIT'] as const;

const doubled = (text: string, times: number) =>
  `($double := function($x, $n) { $n = 0 ? $x : $double(${text}, $n - 1) }; $double("x", ${times}))`;

/** An input with keys of the language and of JSONata: `input`, which the expressions read as hostile data. */
export const hostileInput = JSON.parse(`{
  "text": "abc",
  "list": [1, 2, 3],
  "__proto__": { "polluted": true },
  "constructor": { "name": "mine" },
  "lambda": { "_jsonata_lambda": true, "arguments": [], "environment": {}, "body": { "type": "string", "value": "run" } },
  "native": { "_jsonata_function": true, "implementation": "run" }
}`);

export const escapes: readonly Escape[] = [
  // Towards the language.
  ['the constructor of an object', '({}).constructor', nothing],
  ['the constructor of a text', 'input.text.constructor', nothing],
  ['the constructor of a number', '(1).constructor.constructor', nothing],
  ['the constructor of a list', 'input.list.constructor', nothing],
  ['a key that is called constructor', 'input.constructor.name', { value: 'mine' }],
  ['the constructor of the constructor', 'input.constructor.constructor("return process")()', failed],
  ['the constructor by look-up', '$lookup({}, "constructor")', nothing],
  ['the prototype', 'input.list.__proto__', nothing],
  ['a prototype that is given', 'input.__proto__.polluted', nothing],
  ['a prototype in quotation marks', '({})."__proto__"', nothing],
  ['the prototype of a function', '$sum.prototype', nothing],
  ['the constructor of a function', '$sum.constructor', nothing],
  ['what a function is made of', '$sum.implementation', nothing],
  ['what a function holds', '$sum.*', nothing],
  ['the constructor of a match', '/a/("a").next.constructor', nothing],
  ['the process', 'process', nothing],
  ['the process as a variable', '$process.env', nothing],
  ['the global object', 'globalThis.process', nothing],
  ['the global object as a variable', '$globalThis', nothing],
  ['require', '$require("node:fs")', failed],
  ['require by name', 'require("node:fs")', failed],
  ['import', 'import("node:fs")', failed],
  ['eval of the language', '$eval("process.exit()")', nothing],
  ['Function', 'Function("return process")()', failed],
  ['what a closure has around it', '(function($x) { $x }).**', failed],
  ['the environment by descent', '(function($x) { $x }).**.environment.base.RegexEngine', nothing],
  ['a function as a result', '$sum', failed],
  ['a closure within a result', '{"a": [function($x) { $x }]}', failed],
  ['a function that is data', 'input.lambda()', failed],
  ['a native function that is data', 'input.native()', failed],
  ['a function that is made up', '{"_jsonata_function": true}', failed],

  // Towards those that come after.
  ['pollution by an object', '{"__proto__": {"polluted": true}}', { value: {} }],
  ['pollution by merging', '$merge([{"__proto__": {"polluted": true}}]).polluted', nothing],
  ['pollution by a transform', '({"a": {}} ~> |a|{"__proto__": {"polluted": true}}|).polluted', nothing],
  [
    'pollution by the constructor',
    '({"a": 1} ~> |$.constructor.prototype|{"polluted": true}|)',
    { value: { a: 1 } },
  ],
  [
    'a function of the library replaced',
    '($clone := function($x) { $x }; [$sum] ~> |$[0]|{"implementation": 5}|; "done")',
    { value: 'done' },
  ],
  ['a function of the library hidden', '($sum := function() { 42 }; $sum())', { value: 42 }],

  // Without end.
  ['a loop', '($f := function($n) { $f($n + 1) }; $f(1))', ['TIME_LIMIT']],
  ['a loop of two', '($f := function() { $g() }; $g := function() { $f() }; $f())', ['TIME_LIMIT']],
  ['recursion', '($f := function($n) { 1 + $f($n + 1) }; $f(1))', tooDeep],
  ['recursion by eval', '($s := "$eval($s)"; $eval($s))', limited],
  ['recursion by the input', '($f := function($x) { [$f([$x])] }; $f(1))', tooDeep],
  ['a long way round', '$map([1..400000], function($x) { $map([1..400000], function($y) { $y }) })', limited],
  ['a fold that grows', '$reduce([1..400000], function($a, $b) { $append($a, [1..1000]) })', limited],
  ['a sort without order', '$sort([1..400000], function($a, $b) { $random() > 0.5 })', limited],
  ['a pattern that backtracks', '$contains($pad("", 100000, "a") & "!", /^(a+)+$/)', { value: false }],
  ['a pattern with look-ahead', '$match("aaaa", /(?=(a+))\\1b/)', invalid],
  [
    'a date with a picture',
    '$toMillis($pad("", 5000, "1"), $join($map([1..300], function($x) { "[Y]" })))',
    failed,
  ],

  // Too large.
  ['a text of 1 GB', '$pad("", 1000000000)', ['SIZE_LIMIT']],
  ['a text of 500 MB, flat', '$length($uppercase($pad("", 500000000, "x")))', limited],
  ['a text by doubling', doubled('$x & $x', 28), limited],
  ['a text by doubling, flat', `$uppercase(${doubled('$x & $x', 27)})`, limited],
  ['a list of a billion', '[1..1000000000]', ['SIZE_LIMIT']],
  ['a list of nine million', '[1..9000000]', ['SIZE_LIMIT']],
  ['a list by doubling', doubled('[$x, $x]', 40), limited],
  ['an object by doubling', doubled('{"a": $x, "b": $x}', 40), limited],
  ['lists within each other', doubled('[[$x]]', 200), tooDeep],
  ['a text of replacements', '$replace($pad("", 1000000, "x"), "x", $pad("", 1000, "y"))', limited],
  ['brackets without end', '('.repeat(9_000), [...invalid, ...tooDeep]],
  ['brackets that close', `${'('.repeat(4_500)}1${')'.repeat(4_500)}`, [...limited, ...invalid]],
];
