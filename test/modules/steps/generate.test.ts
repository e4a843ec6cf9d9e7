import { inflateSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { stepConfigs } from '../../../src/modules/steps/definition/step-configs.ts';
import type { GenerateOutput } from '../../../src/modules/steps/generate.ts';
import { STEP_PROGRAMS } from '../../../src/modules/steps/programs.ts';
import { createPureRunners } from '../../../src/modules/steps/pure-runners.ts';
import { createSandbox } from '../../../src/platform/sandbox/sandbox.ts';
import { call, failureOf, scopeOf } from './scope.ts';

const sandbox = createSandbox({ processes: 1, programs: STEP_PROGRAMS });
const { runners, documents } = createPureRunners({ sandbox });
afterAll(() => sandbox.close());

const STEP = '2f1c9a3e-0f0b-4b5e-9c58-1d1a0a6f3b11';
const scope = scopeOf(
  {
    who: '<Ada> & "Co"',
    list: [{ n: 'a' }, { n: 'b' }],
    rows: [
      { name: 'x, y', sum: -5 },
      { name: '=1+1', more: 'z' },
    ],
  },
  { steps: { [STEP]: { output: { total: 3 } } } },
);
const generate = (format: string, template: string, variables?: unknown) =>
  runners.generate(
    stepConfigs.generate.parse({ format, template, variables }),
    scope,
    call,
  ) as Promise<GenerateOutput>;
const contentOf = async (...given: Parameters<typeof generate>) => (await generate(...given)).content;

describe('a template', () => {
  it('names what is in the scope, and variables whose texts are filled in', async () => {
    const template = `{{total}} {{steps.${STEP}.output.total}} {{ steps["${STEP}"].output.total }} {{#input.list}}{{n}},{{/input.list}}{{^none}}-{{/none}}`;
    const variables = { total: `{{steps.${STEP}.output.total * 2}}` };
    expect(await contentOf('markdown', template, variables)).toBe('6 3 3 a,b,-');
  });

  it.each([
    'constructor',
    'input.constructor',
    'input.list.map',
    'input.who.length',
    '__proto__',
    'toString',
  ])('finds no %s, which nobody gave it', async (name) =>
    expect(await contentOf('markdown', `[{{${name}}}{{#${name}}}yes{{/${name}}}]`)).toBe('[]'));

  it('resolves no secret, and no text of a value as a template', async () => {
    const variables = { text: '{{"{" & "{secrets.TOKEN}" & "}"}}' };
    expect(await contentOf('markdown', '{{secrets.TOKEN}}{{text}}', variables)).toBe('{{secrets.TOKEN}}');
  });

  it('that cannot be read fails with the reason', async () => {
    expect(await failureOf(generate('html', '{{#a}}'))).toBe(
      'TEMPLATE_INVALID template: Unclosed section "a" at 6 (final)',
    );
  });

  it('that grows without end is ended', async () => {
    const variables = { list: Array.from({ length: 3_000 }, (_, index) => index) };
    const template = `${'{{#list}}'.repeat(3)}some text{{/list}}{{/list}}{{/list}}`;
    expect(await failureOf(generate('html', template, variables))).toBe(
      'SIZE_LIMIT the document has more than 2000000 characters (final)',
    );
  });
});

describe('html', () => {
  it('escapes values, but for those in three braces', async () => {
    const content = '<p>&lt;Ada&gt; &amp; &quot;Co&quot;</p><Ada> & "Co"';
    expect(await generate('html', '<p>{{input.who}}</p>{{{input.who}}}')).toEqual({
      ...{ format: 'html', contentType: 'text/html; charset=utf-8', content },
      bytes: Buffer.byteLength(content),
    });
  });
});

describe('markdown', () => {
  it('takes values as they are', async () => {
    expect(await contentOf('markdown', '# {{input.who}}')).toBe('# <Ada> & "Co"');
  });
});

describe('json', () => {
  it('escapes texts within quotation marks, and writes values as JSON', async () => {
    const content = await contentOf(
      'json',
      '{"a": "{{input.who}}", "b": {{input.list}}, "c": {{{input.who}}}, "d": {{none}}}',
    );
    expect(JSON.parse(content ?? '')).toEqual({
      ...{ a: '<Ada> & "Co"', b: [{ n: 'a' }, { n: 'b' }], c: '<Ada> & "Co"', d: null },
    });
  });

  it('must be JSON', async () => {
    expect(await failureOf(generate('json', '{"a": {{input.who}}}'))).toMatch(
      /^DOCUMENT_INVALID the document is no JSON: /,
    );
  });
});

describe('csv', () => {
  it('writes a list of records as a table, and no formula', async () => {
    expect(await contentOf('csv', '{{input.rows}}')).toBe(`name,sum,more\n"x, y",-5,\n'=1+1,,z`);
  });

  it('writes single cells', async () => {
    const template = 'name,sum\n{{#input.rows}}\n{{name}},{{sum}}\n{{/input.rows}}';
    expect(await contentOf('csv', template)).toBe(`name,sum\n"x, y",-5\n'=1+1,\n`);
  });

  it.each([
    ['=cmd()', "'=cmd()"],
    ['+1 (234) 5', "'+1 (234) 5"],
    ['-2+3', "'-2+3"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\tx', "'\tx"],
    ['-12.5', '-12.5'],
    ['+49', '+49'],
    ['say "a"', '"say ""a"""'],
    ['two\nlines', '"two\nlines"'],
  ])('writes %j so that no program runs it', async (value, cell) => {
    expect(await contentOf('csv', '{{value}}', { value })).toBe(cell);
  });
});

describe('pdf', () => {
  /** What its pages show, in order: the hexadecimal texts of all content streams. */
  function textsOf(file: Buffer): string {
    const raw = file.toString('latin1');
    const streams = [...raw.matchAll(/stream\n([\s\S]*?)\nendstream/g)].map(([, stream = '']) => {
      try {
        return inflateSync(Buffer.from(stream, 'latin1')).toString('latin1');
      } catch {
        return '';
      }
    });
    return [...streams.join('').matchAll(/<([0-9a-f]+)>/g)]
      .map(([, hex = '']) => Buffer.from(hex, 'hex').toString('latin1'))
      .join('');
  }

  it('is made of Markdown: headings, lists, tables, code', async () => {
    const template =
      '# Report for {{name}}\n\nAll **good**, see [there](https://example.com).\n\n- one\n- two\n\n| A | B |\n|---|---|\n{{#input.list}}| {{n}} | x |\n{{/input.list}}\n\n```\nlet x = 1\n```\n';
    const { contentBase64 = '', ...output } = await generate('pdf', template, { name: 'Zoë' });
    const file = Buffer.from(contentBase64, 'base64');
    expect(output).toEqual({ format: 'pdf', contentType: 'application/pdf', bytes: file.length });
    expect(file.subarray(0, 5).toString()).toBe('%PDF-');
    const texts = textsOf(file);
    for (const text of ['Report for Zoë', 'All ', 'good', 'there', 'one', 'A', 'x', 'let x = 1'])
      expect(texts).toContain(text);
  });

  it('tells which characters its fonts lack', async () => {
    expect(await generate('pdf', 'Łódź 日本 €')).toMatchObject({
      replacedCharacters: ['Ł', 'ź', '日', '本'],
    });
  });

  it('is limited in size', async () => {
    const variables = { list: Array.from({ length: 3_000 }, (_, index) => index) };
    expect(await failureOf(generate('pdf', `{{#list}}${'text '.repeat(50)}\n\n{{/list}}`, variables))).toBe(
      'SIZE_LIMIT the document has more than 400000 characters (final)',
    );
  });
});

describe('a message', () => {
  it('is plain text, for whoever sends it', async () => {
    const template = 'Hello {{input.who}}';
    expect(await documents.render({ template, format: 'text', scope })).toMatchObject({
      content: 'Hello <Ada> & "Co"',
    });
  });
});
