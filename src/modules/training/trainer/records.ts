import type { DatasetFormat } from './run-file.ts';

export type Role = 'system' | 'user' | 'assistant' | 'tool';

export interface Turn {
  readonly role: Role;
  readonly text: string;
}

/** One line of a dataset. `rejected` is there in a preference pair, where `turns` ends with the chosen answer. */
export interface TrainingRecord {
  readonly turns: readonly Turn[];
  readonly rejected?: string;
}

/** A line that does not have the form its format asks for; `field` is a path such as `messages.2.content`. */
export class RecordError extends Error {
  readonly field: string;

  constructor(field: string, message: string) {
    super(`${field}: ${message}`);
    this.field = field;
  }
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads one parsed line. Beside its plain form each format has one for preference pairs: `chosen` and `rejected`
 * (a string, a message, or a list whose last message is the answer) after a `prompt`, `messages` or `conversations`.
 *
 * @throws RecordError
 */
export function readRecord(format: DatasetFormat, value: unknown): TrainingRecord {
  const line = fieldsOf(value, 'line');
  const isPair = 'chosen' in line || 'rejected' in line;
  if (format === 'prompt_completion') {
    const prompt: Turn = { role: 'user', text: textOf(line.prompt, 'prompt') };
    if (isPair) return pair([prompt], line);
    return { turns: [prompt, { role: 'assistant', text: textOf(line.completion, 'completion') }] };
  }
  const listName = format === 'chatml' ? 'messages' : 'conversations';
  if (isPair && !(listName in line)) {
    return pair([{ role: 'user', text: textOf(line.prompt, 'prompt') }], line);
  }
  const list = line[listName];
  if (!Array.isArray(list) || list.length === 0)
    throw new RecordError(listName, 'must be a list of messages');
  const turns = list.map((message, index) => turnOf(format, message, `${listName}.${index}`));
  return isPair ? pair(turns, line) : { turns };
}

function pair(prompt: readonly Turn[], line: Fields): TrainingRecord {
  return {
    turns: [...prompt, { role: 'assistant', text: answerOf(line.chosen, 'chosen') }],
    rejected: answerOf(line.rejected, 'rejected'),
  };
}

function turnOf(format: DatasetFormat, value: unknown, field: string): Turn {
  const message = fieldsOf(value, field);
  const [roleName, textName] = format === 'chatml' ? ['role', 'content'] : ['from', 'value'];
  const role = roles.get(textOf(message[roleName], `${field}.${roleName}`));
  if (role === undefined) {
    throw new RecordError(`${field}.${roleName}`, `must be one of ${[...roles.keys()].join(', ')}`);
  }
  return { role, text: textOf(message[textName], `${field}.${textName}`) };
}

function answerOf(value: unknown, field: string): string {
  if (typeof value === 'string') return textOf(value, field);
  const message = fieldsOf(Array.isArray(value) ? value.at(-1) : value, field);
  return textOf(message.content ?? message.value, field);
}

/** chatml's and sharegpt's names for who speaks. */
const roles: ReadonlyMap<string, Role> = new Map([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['human', 'user'],
  ['assistant', 'assistant'],
  ['gpt', 'assistant'],
  ['tool', 'tool'],
]);

function fieldsOf(value: unknown, field: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new RecordError(field, 'must be a JSON object');
}

function textOf(value: unknown, field: string): string {
  if (value === undefined) throw new RecordError(field, 'is missing');
  if (typeof value !== 'string') throw new RecordError(field, 'must be a string');
  if (value === '') throw new RecordError(field, 'must not be empty');
  return value;
}
