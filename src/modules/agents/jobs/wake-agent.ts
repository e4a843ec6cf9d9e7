import { z } from 'zod';
import type { ServiceDatabase } from '../../../platform/db/service.ts';
import { FeedError, refusals } from '../../../platform/feed/errors.ts';
import { defineJob } from '../../../platform/jobs/define.ts';

/** A run that an agent has started has ended: the agent's own run goes on, unless it waits for something else as well. */
export const wakeAgent = defineJob({
  name: 'agent.wake',
  payload: z.object({ executionId: z.string().min(1) }),
  async handle({ executionId }, { database }: { database: ServiceDatabase }) {
    try {
      await refusals(database.sql.query('select runcast.wake_agent_run($1)', [executionId]));
    } catch (error) {
      // It has ended or was deleted meanwhile.
      if (!(error instanceof FeedError)) throw error;
    }
  },
});
