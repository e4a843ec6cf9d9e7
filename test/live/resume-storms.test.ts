import { expect, it } from 'vitest';
import { openResumeStorms } from '../support/live/resume-storms.ts';
import type { ResumeBy } from '../support/live/watching-client.ts';

// Hundreds of sockets and ten restarts are in resume-storms.soak.ts, and how they are spread: few are through in a moment.
it.each<[string, ResumeBy]>([
  ['a new `after` in each subscription', 'after'],
  ['one connection_init with all cursors', 'cursors'],
])(
  'brings everybody to the other process when one stops in order, by %s',
  {
    timeout: 120_000,
  },
  async (_how, resumeBy) => {
    const storms = await openResumeStorms({ sockets: 40, users: 2, linesPerSecond: 50, resumeBy });
    try {
      const { exitCode, codes } = await storms.stop();
      expect(exitCode).toBe(0);
      expect(Object.keys(codes)).toEqual(['1001']);
      const { closes: _closes, received, expected, ...faults } = await storms.finish();
      expect(faults).toEqual({ lost: 0, doubled: 0, reordered: 0, altered: 0, refused: {} });
      expect(received).toBe(expected);
    } finally {
      await storms.close();
    }
  },
);
