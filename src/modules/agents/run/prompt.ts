import { isObject } from '../../steps/json.ts';
import type { Definition } from '../definition.ts';
import type { Message } from '../models/servers.ts';
import { OUTPUT_TYPES } from '../vocabulary.ts';

/** Output types that are JSON; the others are text, unless there is an output schema. */
const JSON_OUTPUTS = ['json', 'structured', 'workflow'];

export function isJsonOutput({ output_type, output_schema }: Definition): boolean {
  return output_schema !== undefined || JSON_OUTPUTS.includes(output_type);
}

/** What a conversation begins with: who the agent is, what it remembers, what it is to answer, and the input. */
export function openingOf(definition: Definition, input: unknown, remembered: string | undefined): Message[] {
  const { name, description } = definition;
  const who = `You are ${name}.${description === undefined ? '' : ` ${description}`}`;
  const system = [who, remembered, `Your answer: ${wanted(definition)}`].filter(Boolean).join('\n\n');
  return [{ role: 'system', content: system }, said(question(input))];
}

export function said(text: string): Message {
  return { role: 'user', content: [{ type: 'text', text }] };
}

export function wanted(definition: Definition): string {
  const { output_type, output_schema } = definition;
  const what = OUTPUT_TYPES[output_type];
  if (!isJsonOutput(definition)) return what;
  const schema =
    output_schema === undefined ? '' : ` It must match this JSON schema: ${JSON.stringify(output_schema)}`;
  return `${what} Answer with JSON and nothing else.${schema}`;
}

/** Text as it stands, also as the only value of an object, e.g. {"prompt": "…"}; anything else as JSON. */
function question(input: unknown): string {
  if (typeof input === 'string') return input;
  const values = isObject(input) ? Object.values(input) : [];
  const [only] = values;
  return values.length === 1 && typeof only === 'string' ? only : JSON.stringify(input);
}
