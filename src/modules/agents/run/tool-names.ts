import type { Tool } from '../definition.ts';

/** What the models' APIs take for a name. */
const UNFIT = /[^a-zA-Z0-9_-]+/g;
const LONGEST = 60;

/** The tools by the names that models are told: what is no name for them becomes one, and stays unique. */
export function byModelName(tools: readonly Tool[]): Map<string, Tool> {
  const named = new Map<string, Tool>();
  for (const tool of tools) {
    const base = tool.name.replaceAll(UNFIT, '_').slice(0, LONGEST).replace(/^_+$/, '') || 'tool';
    let name = base;
    for (let number = 2; named.has(name); number += 1) name = `${base}_${number}`;
    named.set(name, tool);
  }
  return named;
}
