/** What real trainers print, control characters included: `\r` before a refresh, ANSI colours, the odd blank. */
export interface Transcript {
  readonly source: 'stdout' | 'stderr';
  readonly text: string;
}

const bar = (percent: number, cells: string, counts: string, times: string): string =>
  `${String(percent).padStart(3)}%|${cells}| ${counts} [${times}]`;

/** Hugging Face's Trainer with 2>&1: dicts between refreshes of one bar, an evaluation bar of its own in between. */
export const huggingFace: Transcript = {
  source: 'stdout',
  text: [
    '***** Running training *****\n  Num examples = 800\n  Total optimization steps = 100\n',
    `\r${bar(0, '          ', '0/100', '00:00<?, ?it/s')}`,
    `\r${bar(9, '▉         ', '9/100', '00:09<01:31,  1.00s/it')}`,
    `\r${bar(10, '█         ', '10/100', '00:10<01:30,  1.00s/it')}`,
    `\r${' '.repeat(60)}\r{'loss': 2.3145, 'grad_norm': 1.0625, 'learning_rate': 1.8e-05, 'epoch': 0.1}\n`,
    `\r${bar(10, '█         ', '10/100', '00:10<01:30,  1.00s/it')}`,
    `\r${bar(50, '█████     ', '50/100', '00:50<00:50,  1.00s/it')}`,
    "{'loss': '1.9', 'grad_norm': 'nan', 'learning_rate': '1e-05', 'epoch': '0.5'}\n",
    `\n\r${bar(0, '          ', '0/13', '00:00<?, ?it/s')}\u001b[A`,
    `\n\r${bar(100, '██████████', '13/13', '00:01<00:00, 12.9it/s')}\u001b[A`,
    `\r${' '.repeat(60)}\r{'eval_loss': 1.75, 'eval_runtime': 1.0123, 'eval_samples_per_second': 98.7, 'epoch': 0.5}\n`,
    `\r${bar(100, '██████████', '100/100', '01:40<00:00,  1.00s/it')}`,
    `\r${' '.repeat(60)}\r{'train_runtime': 100.5, 'train_samples_per_second': 7.96, 'train_loss': 2.1, 'epoch': 1.0}\n`,
    `\r${bar(100, '██████████', '100/100', '01:40<00:00,  1.00s/it')}\n`,
  ].join(''),
};

/** What comes before a training: downloads, dataset mapping, model shards. */
export const preparation: Transcript = {
  source: 'stderr',
  text: [
    `Downloading data:   0%|          | 0.00/4.56M [00:00<?, ?B/s]`,
    `\rDownloading data:  27%|██▋       | 1.23M/4.56M [00:01<00:02, 1.20MB/s]`,
    `\rDownloading data: 100%|██████████| 4.56M/4.56M [00:03<00:00, 1.50MB/s]\n`,
    `\rMap (num_proc=4):  50%|█████     | 500/1000 [00:01<00:01, 498.12 examples/s]`,
    `\rMap (num_proc=4): 100%|██████████| 1000/1000 [00:02<00:00, 499.01 examples/s]\n`,
    `\rLoading checkpoint shards:  50%|█████     | 1/2 [00:05<00:05,  5.01s/it]`,
    `\rLoading checkpoint shards: 100%|██████████| 2/2 [00:09<00:00,  4.51s/it]\n`,
    'Generating train split: 800 examples [00:00, 12345.67 examples/s]\n',
    `Training:  10%|█         | 1.2k/12k [00:01<00:09,  1.2kit/s]`,
    `\rTraining:  28%|██▊       | 3.4k/12k [00:03<00:07,  1.2kit/s]`,
  ].join(''),
};

export const lightning: Transcript = {
  source: 'stdout',
  text: [
    'GPU available: False, used: False\r\n',
    '\rSanity Checking DataLoader 0: 100%|██████████| 2/2 [00:00<00:00, 40.1it/s]',
    '\rEpoch 0:   0%|          | 0/10 [00:00<?, ?it/s]',
    '\rEpoch 0:  50%|█████     | 5/10 [00:01<00:01,  4.20it/s, v_num=0, train_loss=2.30]',
    '\rEpoch 0: 100%|██████████| 10/10 [00:02<00:00,  4.20it/s, v_num=0, train_loss=2.10]',
    '\n\rValidation DataLoader 0:  50%|█████     | 1/2 [00:00<00:00, 30.0it/s]\u001b[A',
    '\rEpoch 0: 100%|██████████| 10/10 [00:02<00:00,  4.00it/s, v_num=0, train_loss=2.10, val_loss=2.00]',
    '\rEpoch 1:  50%|█████     | 5/10 [00:01<00:01,  4.20it/s, v_num=0, train_loss=1.90]',
    '\rEpoch 1: 100%|██████████| 10/10 [00:02<00:00,  4.20it/s, v_num=0, train_loss=1.80]\n',
    '`Trainer.fit` stopped: `max_epochs=2` reached.\n',
  ].join(''),
};

export const axolotl: Transcript = {
  source: 'stderr',
  text: [
    '[2024-05-02 10:00:00,123] [INFO] [axolotl.train.train:120] [PID:77] [RANK:0] loading tokenizer… m/b\u001b[39m\n',
    '\u001b[33m[2024-05-02 10:00:01,456] [WARNING] [axolotl.utils.config:88] [PID:77] `flash_attention` is off\u001b[0m\n',
    '[2024-05-02 10:00:02,789] [DEBUG] [axolotl.load_tokenizer:245] [PID:77] EOS: 2 / </s>\n',
    '[2024-05-02 10:00:03,000] [ERROR] [axolotl.cli.train:60] [PID:77] seed=42 lr=0.1 did not converge\n',
    '{"loss": NaN, "step": 3, "lr": 0.001}\n',
  ].join(''),
};

export const crash: Transcript = {
  source: 'stderr',
  text: [
    '/opt/venv/lib/python3.11/site-packages/torch/utils/checkpoint.py:464: UserWarning: use_reentrant should be passed\n',
    '  warnings.warn(\n',
    'Epoch 2/3:  50%|█████     | 5/10 [00:05<00:05,  1.00s/it, loss=1.5]\n',
    'Traceback (most recent call last):\n',
    '  File "train.py", line 12, in <module>\n    trainer.train()\n',
    "KeyError: 'label'\n\n",
    'During handling of the above exception, another exception occurred:\n\n',
    'Traceback (most recent call last):\n  File "train.py", line 14, in <module>\n',
    'torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n',
    'naïve — 日本語 🚀 finished\n',
    'Killed',
  ].join(''),
};

/** Runcast's own trainer. */
export const ours: Transcript = {
  source: 'stdout',
  text: [
    'Dataset sonnets: 26 records\n',
    '{"type":"metric","phase":"sft","step":1,"epoch":0.018,"loss":4.2,"learning_rate":0.0006,"grad_norm":0.9,"progress":0.5,"total_steps":200,"etaSeconds":8.5}\n',
    '{"type":"metric","phase":"sft","step":2,"epoch":0.036,"loss":4.1,"learning_rate":0.0012,"grad_norm":0.8,"progress":1,"total_steps":200,"etaSeconds":8.4}\n',
    '{"type":"eval","phase":"sft","step":2,"epoch":0.036,"eval_loss":4}\n',
    '{"type":"checkpoint","step":2,"path":"run/checkpoint.json","message":"Checkpoint at step 2: run/checkpoint.json"}\n',
    'WARNING: dataset sonnets: bytes that are not UTF-8\n',
  ].join(''),
};
