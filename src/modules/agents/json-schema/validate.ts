import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ValidateJson } from '../ports.ts';

/** A schema whose references double with each level takes for ever; no useful one takes that long. */
const LONGEST_MS = 2_000;
const MEMORY_MB = 64;

/**
 * Whether JSON matches a JSON schema (draft 7), in a thread that is ended when it takes too long or too much memory. Formats
 * are not checked, and patterns are RE2's.
 */
export const validateJson: ValidateJson = async (schema, value) => {
  const thread = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: { schema, value },
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    // Of this process it needs nothing; its environment has secrets.
    env: {},
  });
  const timer = setTimeout(() => void thread.terminate(), LONGEST_MS);
  try {
    const [answer] = await Promise.race([
      once(thread, 'message'),
      once(thread, 'exit').then(() => [
        { faults: [{ path: [], message: 'the schema takes too long to check' }] },
      ]),
    ]);
    return answer.faults;
  } catch {
    return [{ path: [], message: 'the schema takes too much memory to check' }];
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
};
