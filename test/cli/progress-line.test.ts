import { expect, it } from 'vitest';
import { createProgressLine } from '../../src/cli/progress-line.ts';

function collector(isTTY: boolean, columns = 200) {
  const written: string[] = [];
  return { written, isTTY, columns, write: (text: string) => written.push(text) };
}

it('rewrites one line on a terminal and goes on below it at the end', () => {
  const output = collector(true);
  const line = createProgressLine(output, 'exec_1');
  line.show({ percent: 25, step: 5, totalSteps: 20, etaSeconds: 3.4, loss: 2.34567 });
  line.end('completed');
  expect(output.written).toEqual([
    `\r\u001b[2Kexec_1 ${'█'.repeat(7)}${'░'.repeat(21)}  25 % · step 5/20 · loss 2.346 · 3 s left`,
    '\ncompleted\n',
  ]);
});

it('never wraps on a narrow terminal, where a wrapped line could not be rewritten', () => {
  const output = collector(true, 20);
  createProgressLine(output, 'exec_1').show({ percent: 50 });
  expect(output.written[0]?.replace('\r\u001b[2K', '')).toHaveLength(19);
});

it('writes a line per tenth into a file or a pipe', () => {
  const output = collector(false);
  const line = createProgressLine(output, 'run');
  for (let percent = 0; percent <= 100; percent++) line.show({ percent });
  line.end('done');
  expect(output.written).toHaveLength(12);
});
