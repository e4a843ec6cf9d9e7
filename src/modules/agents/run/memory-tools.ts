import { isObject } from '../../steps/json.ts';
import type { ModelTools } from '../models/servers.ts';
import type { Journal } from './journal.ts';
import type { Memory } from './memory.ts';
import type { Narration } from './narration.ts';
import type { ToolOutcome } from './tools.ts';

/** The two tools that an agent with long-term memory has besides its own. */
export type MemoryTools = {
  readonly tools: ModelTools;
  /** Undefined for any other tool. */
  call(key: string, name: string, args: unknown): Promise<ToolOutcome | undefined>;
};

const KEY = { type: 'string', description: 'A short name of the fact, e.g. preferred-language.' } as const;

const TOOLS: ModelTools = [
  {
    type: 'function',
    name: 'remember',
    description:
      'Notes a fact down for later runs for the same user; replaces what was noted under the same key.',
    inputSchema: {
      type: 'object',
      properties: { key: KEY, fact: { type: 'string', description: 'The fact.' } },
      required: ['key', 'fact'],
    },
  },
  {
    type: 'function',
    name: 'forget',
    description: 'Takes a fact out of what was noted down.',
    inputSchema: { type: 'object', properties: { key: KEY }, required: ['key'] },
  },
];

const NONE: MemoryTools = { tools: [], call: async () => undefined };
const LONGEST = 2_000;

export function createMemoryTools(options: {
  memory: Memory;
  journal: Journal;
  narration: Narration;
}): MemoryTools {
  const { memory, journal, narration } = options;
  if (!memory.keeps('long_term')) return NONE;

  async function note(name: string, args: unknown): Promise<string> {
    const { key, fact } = isObject(args) ? args : {};
    if (typeof key !== 'string' || key === '') return 'key must be text';
    if (name === 'forget') {
      await memory.forget(key.slice(0, LONGEST));
      return 'forgotten';
    }
    if (typeof fact !== 'string' || fact === '') return 'fact must be text';
    await memory.remember(key.slice(0, LONGEST), fact.slice(0, LONGEST));
    return 'noted';
  }

  return {
    tools: TOOLS,
    async call(key, name, args) {
      if (name !== 'remember' && name !== 'forget') return undefined;
      const found = await journal.begin({ key, kind: 'tool', name, input: args });
      if ('row' in found) return { output: found.row.output };
      const output = await note(name, args);
      await journal.end(key, { state: 'completed', output });
      narration.step({ key, name, type: 'memory', state: 'completed', tries: found.begun.tries });
      return { output };
    },
  };
}
