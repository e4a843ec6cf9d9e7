/** The values that the tables' text columns hold, with what they mean. */

export const STATUSES = {
  pending: 'Waits for a worker, or for whoever inserted it.',
  running: 'Is being trained.',
  completed: 'Has ended well; `result` says where the model is.',
  failed: 'Has ended with an `error`.',
  cancelled: 'Was ended on request.',
} as const;

export const PROVIDERS = {
  colab: 'A Google Colab notebook that the caller runs.',
  huggingface: 'Hugging Face’s hosted training.',
  openai: 'OpenAI’s fine-tuning.',
  local: 'A worker of this Runcast, on its own machine.',
} as const;

export const METHODS = {
  sft: 'Supervised fine-tuning on prompts and their answers.',
  dpo: 'Direct preference optimisation on pairs of a better and a worse answer.',
  rlhf: 'Reinforcement learning from human feedback.',
} as const;

export const DATASET_FORMATS = {
  chatml: 'One conversation a line: {"messages": [{"role", "content"}]}.',
  sharegpt: 'One conversation a line: {"conversations": [{"from", "value"}]}.',
  prompt_completion: 'One pair a line: {"prompt", "completion"}.',
} as const;

export type Provider = keyof typeof PROVIDERS;
export type Method = keyof typeof METHODS;
