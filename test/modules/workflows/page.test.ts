import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { flowOf } from '../../../src/modules/workflows/flow/flow.ts';
import { choice, definitionOf, delay, id, loop } from './definitions.ts';

it('draws the example in docs/workflows.md as `workflowGraph` would', () => {
  const page = readFileSync(new URL('../../../docs/workflows.md', import.meta.url), 'utf8');
  const drawn = [...page.matchAll(/^ {2}(\w+) -->\|(\w+)\| (\w+)$/gm)].map(([, ...edge]) => edge.join(' '));
  const { nodes, edges } = flowOf(
    definitionOf([
      delay('fetch'),
      choice('check', { then: ['book'], else: ['ask'] }),
      delay('book'),
      delay('ask'),
      loop('each', ['post']),
      delay('post', { onError: 'fallback', fallbackStepId: id('help') }),
      delay('done'),
      delay('help'),
    ]),
  );
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  expect(edges.map(({ from, to, kind }) => `${names.get(from)} ${kind} ${names.get(to)}`).sort()).toEqual(
    drawn.sort(),
  );
});
