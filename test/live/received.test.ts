import { expect, it } from 'vitest';
import { lineOf } from '../support/live/lines.ts';
import { Received } from '../support/live/received.ts';

const RUN = 'exec_1';

function tallyOf(...seqs: number[]) {
  const received = new Received(RUN);
  for (const seq of seqs) received.take({ seq, message: lineOf(RUN, seq) });
  return received.tally();
}

// What the proofs of this folder count with.
it('counts what is lost, doubled, reordered and altered, each as what it is', () => {
  const none = { lost: 0, doubled: 0, reordered: 0, altered: 0 };
  expect(tallyOf(1, 2, 3)).toEqual({ ...none, received: 3 });
  expect(tallyOf(1, 4)).toEqual({ ...none, received: 2, lost: 2 });
  expect(tallyOf(1, 2, 2)).toEqual({ ...none, received: 3, doubled: 1 });
  expect(tallyOf(1, 3, 2)).toEqual({ ...none, received: 3, reordered: 1 });
  const received = new Received(RUN, { after: 6 });
  received.take({ seq: 7, message: lineOf(RUN, 8) });
  expect(received.tally()).toEqual({ ...none, received: 1, altered: 1 });
});
