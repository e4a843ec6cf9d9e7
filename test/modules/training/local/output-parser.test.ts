import { describe, expect, test } from 'vitest';
import type { OutputItem } from '../../../../src/modules/training/local/output-items.ts';
import { createOutputParser } from '../../../../src/modules/training/local/output-parser.ts';
import { maxLineBytes } from '../../../../src/modules/training/local/segment-reader.ts';
import * as transcripts from './transcripts.ts';

type Source = 'stdout' | 'stderr';

function parse(text: string | Uint8Array, source: Source = 'stdout'): OutputItem[] {
  const parser = createOutputParser({ source });
  return [...parser.push(Buffer.from(text)), ...parser.end()];
}

const logs = (items: readonly OutputItem[]) => items.filter((item) => item.kind === 'log');
const metrics = (items: readonly OutputItem[]) => items.filter((item) => item.kind === 'metric');
const progress = (items: readonly OutputItem[]) => items.filter((item) => item.kind === 'progress');
const messages = (items: readonly OutputItem[]) => logs(items).map((item) => item.message);
const lastProgress = (items: readonly OutputItem[]) => progress(items).at(-1);

describe('JSON lines', () => {
  test('a line of ours gives progress and its metrics, and is no log line', () => {
    const items = parse(transcripts.ours.text);
    expect(items.slice(1, 3)).toEqual([
      { kind: 'progress', percent: 0.5, step: 1, totalSteps: 200, etaSeconds: 8.5 },
      {
        kind: 'metric',
        step: 1,
        epoch: 0.018,
        values: { loss: 4.2, learning_rate: 0.0006, grad_norm: 0.9 },
      },
    ]);
    expect(metrics(items).at(-1)).toEqual({
      kind: 'metric',
      step: 2,
      epoch: 0.036,
      values: { eval_loss: 4 },
    });
    expect(lastProgress(items)).toMatchObject({ percent: 1, step: 2 });
    expect(logs(items)).toEqual([
      { kind: 'log', level: 'info', message: 'Dataset sonnets: 26 records' },
      { kind: 'log', level: 'info', message: 'Checkpoint at step 2: run/checkpoint.json' },
      { kind: 'log', level: 'warning', message: 'WARNING: dataset sonnets: bytes that are not UTF-8' },
    ]);
  });

  test('progress up to 1 is a share, until one above 1 has shown the scale', () => {
    const percents = (text: string) => progress(parse(text)).map((item) => item.percent);
    expect(percents('{"progress":0.25}\n{"progress":1}\n')).toEqual([25, 100]);
    expect(percents('{"progress":40}\n{"progress":0.5}\n')).toEqual([40, 0.5]);
    expect(percents('{"percent":0.5}\n{"step":3,"total_steps":12}\n{"progress":250}\n')).toEqual([
      0.5, 25, 100,
    ]);
  });

  test('a metric without a step gets its own number, and values may be nested', () => {
    expect(parse('{"loss":2}\n{"type":"metric","metrics":{"loss":1.5,"name":"x"},"epoch":2}\n')).toEqual([
      { kind: 'metric', step: 1, values: { loss: 2 } },
      { kind: 'metric', step: 2, epoch: 2, values: { loss: 1.5 } },
    ]);
  });

  test("a logger's JSON line is a log line with its level and message", () => {
    expect(
      parse(
        '{"level":50,"time":1714640000,"msg":"disk full"}\n{"level":"warn","message":"slow"}\n{"id":5}\n',
      ),
    ).toEqual([
      { kind: 'log', level: 'error', message: 'disk full' },
      { kind: 'log', level: 'warning', message: 'slow' },
      { kind: 'log', level: 'info', message: '{"id":5}' },
    ]);
  });

  test('NUL and lone surrogates that JSON escapes bring in do not get through', () => {
    expect(messages(parse('{"message":"a\\u0000b\\ud800c","level":"info"}\n'))).toEqual(['ab\ufffdc']);
    const [metric] = metrics(parse('{"lo\\u0000ss":1,"step":1}\n'));
    expect(metric?.values).toEqual({ loss: 1 });
  });

  test('numbers that are not finite are dropped from the values and the line is kept', () => {
    expect(parse('{"loss": NaN, "step": 3, "lr": 0.001}\n{"loss": 1e999, "step": 4}\n')).toEqual([
      { kind: 'metric', step: 3, values: { lr: 0.001 } },
      { kind: 'log', level: 'warning', message: '{"loss": NaN, "step": 3, "lr": 0.001}' },
      { kind: 'log', level: 'warning', message: '{"loss": 1e999, "step": 4}' },
    ]);
  });
});

describe("Hugging Face's Trainer", () => {
  const items = parse(transcripts.huggingFace.text);

  test('its dicts are metrics at the step of the running bar, quoted numbers too', () => {
    expect(metrics(items)).toEqual([
      {
        kind: 'metric',
        step: 10,
        epoch: 0.1,
        values: { loss: 2.3145, grad_norm: 1.0625, learning_rate: 1.8e-5 },
      },
      { kind: 'metric', step: 50, epoch: 0.5, values: { loss: 1.9, learning_rate: 1e-5 } },
      {
        kind: 'metric',
        step: 50,
        epoch: 0.5,
        values: { eval_loss: 1.75, eval_runtime: 1.0123, eval_samples_per_second: 98.7 },
      },
      {
        kind: 'metric',
        step: 100,
        epoch: 1,
        values: { train_runtime: 100.5, train_samples_per_second: 7.96, train_loss: 2.1 },
      },
    ]);
  });

  test('its evaluation bar does not pass for the training, and no refresh is a log line', () => {
    expect(lastProgress(items)).toEqual({
      kind: 'progress',
      percent: 100,
      step: 100,
      totalSteps: 100,
      etaSeconds: 0,
    });
    expect(progress(items).every((item) => item.totalSteps === 100)).toBe(true);
    expect(messages(items)).toEqual([
      '***** Running training *****',
      '  Num examples = 800',
      '  Total optimization steps = 100',
      "{'loss': '1.9', 'grad_norm': 'nan', 'learning_rate': '1e-05', 'epoch': '0.5'}",
    ]);
  });

  test('None, inf and nan leave the other values standing', () => {
    const [metric, log] = parse("{'loss': inf, 'grad_norm': None, 'rewards/margins': -0.5, 'epoch': 1}\n");
    expect(metric).toEqual({ kind: 'metric', step: 1, epoch: 1, values: { 'rewards/margins': -0.5 } });
    expect(log).toMatchObject({ kind: 'log', level: 'warning' });
  });

  test('a dict that tells nothing of training, or is no dict to the end, is a log line', () => {
    const lines = ["{'port': 8080}", "{'loss': 2.3, 'epoch'", "{'a': {'b': 1}}", "{'loss': 2.3} and more"];
    expect(messages(parse(lines.join('\n')))).toEqual(lines);
    expect(messages(parse('seed=42 loss=1.5 step=3\nloss: 2.3\n'))).toEqual([
      'seed=42 loss=1.5 step=3',
      'loss: 2.3',
    ]);
  });
});

describe('bars', () => {
  test('refreshes in one push give one progress item, the newest, also before its end has come', () => {
    const parser = createOutputParser({ source: 'stderr' });
    const refresh = (n: number) => `\r${n}%|█   | ${n}/100 [00:01<00:09, 9.9it/s]`;
    const first = parser.push(Buffer.from([1, 2, 3].map(refresh).join('')));
    expect(first).toEqual([{ kind: 'progress', percent: 3, step: 3, totalSteps: 100, etaSeconds: 9 }]);
    expect(parser.push(Buffer.from(refresh(4)))).toMatchObject([{ percent: 4 }]);
    expect(parser.push(Buffer.from('\r'))).toEqual([]);
    expect(parser.end()).toEqual([]);
  });

  test('downloads, mapping and shards are no progress of the run, and one line when they are complete', () => {
    const items = parse(transcripts.preparation.text, 'stderr');
    expect(lastProgress(items)).toMatchObject({
      percent: 28.3,
      step: 3400,
      totalSteps: 12000,
      etaSeconds: 7,
    });
    expect(progress(items).every((item) => item.totalSteps === 12000)).toBe(true);
    expect(messages(items)).toEqual([
      'Downloading data: 100%|██████████| 4.56M/4.56M [00:03<00:00, 1.50MB/s]',
      'Map (num_proc=4): 100%|██████████| 1000/1000 [00:02<00:00, 499.01 examples/s]',
      'Loading checkpoint shards: 100%|██████████| 2/2 [00:09<00:00,  4.51s/it]',
      'Generating train split: 800 examples [00:00, 12345.67 examples/s]',
    ]);
  });

  test('an unprefixed preparation gives way to the training bar after it', () => {
    const items = parse(
      '\r100%|██████████| 7/7 [00:01<00:00, 7.00it/s]\n\r 10%|█         | 1/10 [00:01<00:09, 1.00s/it]\n',
    );
    expect(lastProgress(items)).toMatchObject({ percent: 10, totalSteps: 10 });
  });

  test('once a metric came with it, the training bar stays the one that counts, complete or not', () => {
    const items = parse(
      "\r100%|██████████| 10/10 [00:09<00:00, 1.00s/it]{'loss': 2.3, 'epoch': 1.0}\n\r 20%|██        | 1/5 [00:01<00:04, 1.00s/it]\n",
    );
    expect(progress(items)).toMatchObject([{ percent: 100, totalSteps: 10 }]);
    expect(metrics(items)).toMatchObject([{ step: 10, values: { loss: 2.3 } }]);
  });

  test('a bar that counts bytes is a download, with or without a name', () => {
    expect(parse('\r 50%|█████     | 5.00M/10.0M [00:01<00:01, 5.00MB/s]\n')).toEqual([]);
    expect(parse('\rtrain.bin:  50%|█████     | 5.00M/10.0M [00:01<00:01, 5.00MB/s]\n')).toEqual([]);
  });

  test('the values behind a bar are told once a step, the last ones drawn, however often it is refreshed', () => {
    const refresh = (step: number, loss: number) =>
      `\r${step}%|█  | ${step}/100 [00:01<00:09, 9.9it/s, loss=${loss}, lr=1e-3]`;
    const metric = (step: number, loss: number) => ({ kind: 'metric', step, values: { loss, lr: 0.001 } });
    const parser = createOutputParser({ source: 'stderr' });
    const push = (...refreshes: string[]) => metrics(parser.push(Buffer.from(refreshes.join(''))));
    // tqdm draws new values at once and a new step at most ten times a second.
    expect(push(refresh(1, 2.5), refresh(1, 2.4))).toEqual([]);
    expect(push(refresh(2, 2.3), '\r')).toEqual([]);
    expect(push('saved\n')).toEqual([metric(1, 2.4), metric(2, 2.3)]);
    expect(push(refresh(2, 2.3), refresh(3, 2.3))).toEqual([]);
    expect(metrics(parser.end())).toEqual([metric(3, 2.3)]);
  });

  test('a bar that ends says so before the next one begins', () => {
    const bars = [
      'Train: 100%|██| 5/5 [00:01<00:00, 5.00it/s]',
      'Train:  50%|█ | 5/10 [00:01<00:01, 5.00it/s]',
    ];
    expect(progress(parse(bars.join('\n'))).map((item) => item.percent)).toEqual([100, 50]);
  });

  test("Lightning's bar carries metrics, with steps over all epochs", () => {
    const items = parse(transcripts.lightning.text);
    expect(metrics(items)).toEqual([
      { kind: 'metric', step: 5, epoch: 0, values: { train_loss: 2.3 } },
      { kind: 'metric', step: 10, epoch: 0, values: { train_loss: 2.1 } },
      { kind: 'metric', step: 10, epoch: 0, values: { train_loss: 2.1, val_loss: 2 } },
      { kind: 'metric', step: 15, epoch: 1, values: { train_loss: 1.9 } },
      { kind: 'metric', step: 20, epoch: 1, values: { train_loss: 1.8 } },
    ]);
    expect(lastProgress(items)).toMatchObject({ percent: 100 });
    expect(messages(items)).toEqual([
      'GPU available: False, used: False',
      '`Trainer.fit` stopped: `max_epochs=2` reached.',
    ]);
  });

  test('Epoch 2/3 is a share of the whole, and a bar without an end is no log line', () => {
    expect(parse('Epoch 2/3:  50%|█████     | 5/10 [00:05<00:05,  1.00s/it, loss=1.5]\n')).toEqual([
      { kind: 'metric', step: 15, epoch: 2, values: { loss: 1.5 } },
      { kind: 'progress', percent: 50, step: 15, totalSteps: 30 },
    ]);
    expect(parse('\r5it [00:01, 4.20it/s]\rEpoch 0: |          | 5/? [00:01<?, 4.20it/s]\n')).toEqual([]);
  });

  test('text that a bar or nothing overwrites is a log line, text that text overwrites is not', () => {
    expect(messages(parse('Fetching 10%\rFetching 60%\rFetching 99%\rFetching done\nnext\rlast\r'))).toEqual([
      'Fetching done',
      'last',
    ]);
    expect(messages(parse('Starting\r 10%|█ | 1/10 [00:01<00:09, 1.00s/it]\n'))).toEqual(['Starting']);
  });
});

describe('log lines', () => {
  test('levels are those that Axolotl and other loggers claim, without their colours', () => {
    const items = parse(transcripts.axolotl.text, 'stderr');
    expect(logs(items).map((item) => item.level)).toEqual(['info', 'warning', 'debug', 'error', 'warning']);
    expect(messages(items)[1]).toBe(
      '[2024-05-02 10:00:01,456] [WARNING] [axolotl.utils.config:88] [PID:77] `flash_attention` is off',
    );
  });

  test.each([
    ['[INFO|trainer.py:2134] 2024-05-02 10:00:00,123 >> ***** Running training *****', 'info'],
    ['WARNING:root:low memory', 'warning'],
    ['2024-05-02 10:00:00,123 - trl.trainer - ERROR - no pairs', 'error'],
    ['2024-05-02 10:00:00.123 | DEBUG    | mod:fn:1 - x', 'debug'],
    ['2024-05-02 10:00:00.123456: W tensorflow/core.cc:1] no GPU', 'warning'],
    ['error: out of disk', 'error'],
    ['the INFO desk is closed, ERROR or not', 'info'],
    [
      'I have an [ERROR] far behind in a sentence that is much longer than any prefix would be [ERROR]',
      'error',
    ],
  ])('%s → %s', (line, level) => {
    expect(parse(`${line}\n`)).toEqual([{ kind: 'log', level, message: line }]);
  });

  test('every line of a traceback is an error, warnings are warnings, and what follows is not', () => {
    const items = parse(transcripts.crash.text, 'stderr');
    expect(logs(items).map((item) => [item.level, item.message.trim().slice(0, 20)])).toEqual([
      ['warning', '/opt/venv/lib/python'],
      ['info', 'warnings.warn('],
      ['error', 'Traceback (most rece'],
      ['error', 'File "train.py", lin'],
      ['error', 'trainer.train()'],
      ['error', "KeyError: 'label'"],
      ['error', 'During handling of t'],
      ['error', 'Traceback (most rece'],
      ['error', 'File "train.py", lin'],
      ['error', 'torch.cuda.OutOfMemo'],
      ['info', 'naïve — 日本語 🚀 finis'],
      ['info', 'Killed'],
    ]);
  });

  test('an exception without a traceback is an error on stderr and text on stdout', () => {
    expect(parse('ValueError: bad seed\n', 'stderr')).toMatchObject([{ level: 'error' }]);
    expect(parse('ValueError: bad seed\n', 'stdout')).toMatchObject([{ level: 'info' }]);
  });

  test('broken UTF-8 becomes U+FFFD and NUL bytes go', () => {
    const bytes = Buffer.concat([Buffer.from('caf\0'), Buffer.from([0xe9, 0x0a, 0xf0, 0x9f, 0x0a])]);
    expect(messages(parse(bytes))).toEqual(['caf\ufffd', '\ufffd']);
  });

  test('\\r\\n and \\r\\r\\n end a line, blank lines are left out, and a last line needs no newline', () => {
    expect(messages(parse('one\r\ntwo\r\r\n\r\n   \n\nthree'))).toEqual(['one', 'two', 'three']);
  });
});

describe('long input', () => {
  test('a 10 MB line is cut at the limit, between characters, and says how much is missing', () => {
    const parser = createOutputParser({ source: 'stdout' });
    const chunk = Buffer.from('€'.repeat(20_000));
    let seen = 0;
    for (let i = 0; i < 175; i += 1) seen += parser.push(chunk).length;
    expect(seen).toBe(0);
    const [item, ...more] = [...parser.push(Buffer.from('\n')), ...parser.end()];
    expect(more).toEqual([]);
    const kept = Math.floor(maxLineBytes / 3);
    expect(item).toEqual({
      kind: 'log',
      level: 'info',
      message: `${'€'.repeat(kept)}… [truncated ${175 * 60_000 - kept * 3} bytes]`,
    });
  });

  test.each([
    ['bars without end', '[00:01<'],
    ['many bars in a line', '1it [00:01] '],
    ['open brackets', '['],
    ['escapes', '\u001b[\u001b]'],
    ['returns', '\r'],
    ['closing brackets and returns', 'a]\r'],
    ['half a dict', "{'a': "],
    ['colons and spaces', ': '],
    ['pipes and percents', '9%|'],
    ['newlines', '\n'],
    ['half a character', '\u{1f680}'],
  ])('ten times the bytes take about ten times the work: %s', (_name, piece) => {
    const megabyte = Buffer.from(piece.repeat(Math.ceil(1_000_000 / piece.length)));
    const work = (megabytes: number): number => {
      const parser = createOutputParser({ source: 'stderr' });
      const begun = process.cpuUsage();
      for (let i = 0; i < megabytes; i += 1) {
        for (let at = 0; at < megabyte.length; at += 65_536) parser.push(megabyte.subarray(at, at + 65_536));
      }
      parser.end();
      const { user, system } = process.cpuUsage(begun);
      return user + system;
    };
    work(1);
    const one = Math.min(work(1), work(1));
    // Quadratic work would be a hundred times as much; the 50 ms absorb what the clock cannot resolve.
    expect(work(10)).toBeLessThan(one * 30 + 50_000);
  });
});

describe('chunks', () => {
  const outcome = (items: readonly OutputItem[]) => ({
    logs: logs(items),
    metrics: metrics(items),
    order: items.filter((item) => item.kind !== 'progress'),
    progress: lastProgress(items),
  });

  test.each(
    Object.entries(transcripts),
  )('%s reads the same wherever its bytes are cut', (_name, transcript) => {
    const bytes = Buffer.from(transcript.text);
    const whole = outcome(parse(bytes, transcript.source));
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const parser = createOutputParser(transcript);
      const items = [...parser.push(bytes.subarray(0, cut)), ...parser.push(bytes.subarray(cut))];
      expect(outcome([...items, ...parser.end()]), `cut at ${cut}`).toEqual(whole);
    }
    for (const size of [1, 2, 3, 7]) {
      const parser = createOutputParser(transcript);
      const items: OutputItem[] = [];
      for (let at = 0; at < bytes.length; at += size)
        items.push(...parser.push(bytes.subarray(at, at + size)));
      expect(outcome([...items, ...parser.end()]), `chunks of ${size}`).toEqual(whole);
    }
  });
});
