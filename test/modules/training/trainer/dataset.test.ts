import { expect, test } from 'vitest';
import { parseDataset } from '../../../../src/modules/training/trainer/dataset.ts';
import type { DatasetFormat } from '../../../../src/modules/training/trainer/run-file.ts';

const parse = (format: DatasetFormat, content: string | Uint8Array) =>
  parseDataset({ name: 'd', format, path: 'data.jsonl' }, Buffer.from(content));
const records = (format: DatasetFormat, ...lines: unknown[]) =>
  parse(format, lines.map((line) => JSON.stringify(line)).join('\n')).records;

test('the three formats say the same', () => {
  const turns = [
    { role: 'user', text: 'Why?' },
    { role: 'assistant', text: 'Because.' },
  ];
  const chatml = { messages: turns.map(({ role, text }) => ({ role, content: text })) };
  const sharegpt = {
    conversations: [
      { from: 'human', value: 'Why?' },
      { from: 'gpt', value: 'Because.' },
    ],
  };
  expect(records('chatml', chatml)).toEqual([{ turns }]);
  expect(records('sharegpt', sharegpt)).toEqual([{ turns }]);
  expect(records('prompt_completion', { prompt: 'Why?', completion: 'Because.' })).toEqual([{ turns }]);
});

test('each format has preference pairs, whose answers are strings or messages', () => {
  const pair = {
    turns: [
      { role: 'user', text: 'Why?' },
      { role: 'assistant', text: 'Yes.' },
    ],
    rejected: 'No.',
  };
  const chosen = { role: 'assistant', content: 'Yes.' };
  const messages = [{ role: 'user', content: 'Why?' }];
  expect(records('prompt_completion', { prompt: 'Why?', chosen: 'Yes.', rejected: 'No.' })).toEqual([pair]);
  expect(records('chatml', { messages, chosen, rejected: [{ role: 'assistant', content: 'No.' }] })).toEqual([
    pair,
  ]);
  expect(
    records('sharegpt', { prompt: 'Why?', chosen: { from: 'gpt', value: 'Yes.' }, rejected: 'No.' }),
  ).toEqual([pair]);
});

test('a BOM, \\r\\n, blank lines and a missing last newline are no faults', () => {
  const line = JSON.stringify({ prompt: 'a', completion: 'b' });
  expect(parse('prompt_completion', `\ufeff${line}\r\n\r\n  \n${line}`).records).toHaveLength(2);
});

test('bytes that are not UTF-8 become U+FFFD and their lines are told', () => {
  const bytes = Buffer.concat([
    Buffer.from('{"prompt":"a","completion":"b"}\n{"prompt":"caf'),
    Buffer.from([0xe9]),
    Buffer.from('","completion":"\ufffd is no fault"}\n{"prompt":"\ufffd","completion":"b"}'),
  ]);
  const dataset = parse('prompt_completion', bytes);
  expect(dataset.records[1]?.turns[0]?.text).toBe('caf\ufffd');
  expect(dataset.repairedLines).toEqual([2]);
});

test.each<[DatasetFormat, string, RegExp]>([
  ['chatml', '{"messages": "hi"}', /data\.jsonl:2: messages: must be a list/],
  [
    'chatml',
    '{"messages":[{"role":"user","content":"a"},{"role":"bot","content":"b"}]}',
    /:2: messages\.1\.role: /,
  ],
  ['chatml', '{"messages":[{"role":"user","content":null}]}', /:2: messages\.0\.content: must be a string/],
  ['sharegpt', '{"conversations":[{"from":"human"}]}', /:2: conversations\.0\.value: is missing/],
  ['prompt_completion', '{"prompt":"a"}', /:2: completion: is missing \(format prompt_completion\)/],
  ['prompt_completion', '{"prompt":"a","completion":""}', /:2: completion: must not be empty/],
  ['prompt_completion', '{"prompt":"a","chosen":"b"}', /:2: rejected: /],
  ['prompt_completion', '[1]', /:2: line: must be a JSON object/],
  ['prompt_completion', '{"prompt":', /:2: not JSON/],
])('a malformed line of %s is named by file, line and field: %s', (format, line, message) => {
  expect(() => parse(format, `\n${line}\n`)).toThrow(message);
});

test('a file without records is refused', () => {
  expect(() => parse('chatml', '\n\n')).toThrow(/data\.jsonl: the file has no records/);
});
