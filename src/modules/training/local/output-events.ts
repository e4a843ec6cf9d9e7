import type { Readable } from 'node:stream';
import type { EventInput } from '../../../platform/feed/events.ts';
import type { EventPump } from '../../executions/event-pump.ts';
import type { OutputItem } from './output-items.ts';
import { createOutputParser } from './output-parser.ts';

export type OutputSource = 'stdout' | 'stderr';

/**
 * Pumps one output of a trainer until it ends. A pump without room stops the reading, and a full pipe stops the
 * trainer.
 *
 * @param onItem called with each thing it said
 */
export async function pumpOutput(
  stream: Readable,
  source: OutputSource,
  pump: EventPump,
  onItem: (item: OutputItem) => void,
): Promise<void> {
  const parser = createOutputParser({ source });
  const add = (items: readonly OutputItem[]): Promise<void> => {
    for (const item of items) onItem(item);
    return pump.add(items.map((item) => eventOf(item, source)));
  };
  try {
    for await (const chunk of stream) await add(parser.push(chunk));
  } catch {
    // Cut off after the trainer's end, because a process that escaped keeps the pipe open. What was read counts.
  }
  await add(parser.end());
}

function eventOf(item: OutputItem, source: OutputSource): EventInput {
  const { kind, ...payload } = item;
  switch (item.kind) {
    case 'log': {
      const level = item.level === 'warning' ? 'warn' : item.level;
      return { type: 'log', payload: { level, message: item.message, source } };
    }
    case 'progress':
      return { type: 'progress', payload: { ...payload, percent: Math.floor(item.percent) } };
    case 'metric':
      return { type: 'metric', payload: { step: item.step, values: { ...item.values }, ...epochOf(item) } };
  }
}

const epochOf = ({ epoch }: { epoch?: number }) => (epoch === undefined ? {} : { epoch });
