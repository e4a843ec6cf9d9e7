import { setTimeout as wait } from 'node:timers/promises';
import type { ServiceDatabase } from '../../../platform/db/service.ts';
import type { Sql } from '../../../platform/db/sql.ts';
import { refusals } from '../../../platform/feed/errors.ts';
import { storable } from '../../../platform/feed/events.ts';
import type { StepFailure } from '../../steps/step.ts';
import type { ModelRef } from '../models/servers.ts';
import type { Usage } from '../models/usage.ts';

/** A step as `runcast.agent_steps` has it. */
export type StepRow = {
  key: string;
  state: 'completed' | 'failed';
  tries: number;
  output: unknown;
  error: StepFailure | null;
  input_tokens: number | string | null;
  /** US dollars; a number where the row came as JSON. */
  cost: string | number | null;
};

export type StepName = { key: string; kind: 'model' | 'tool' | 'child'; name: string; input?: unknown };

export type Begun = { tries: number; idempotencyKey: string };

export type Ended = {
  state: 'completed' | 'failed';
  output?: unknown;
  error?: StepFailure;
  /** Of a failure: whether the call is never made again. */
  isFinal?: boolean;
  usage?: (Pick<ModelRef, 'provider'> & { model: string } & Partial<Usage>) | undefined;
};

/** What has become of the steps of a run: see `runcast.agent_steps`. Fenced by the attempt. */
export type Journal = {
  /** What a step has ended with for good, in whichever attempt; or that it is to be done now. */
  begin(step: StepName): Promise<{ row: StepRow } | { begun: Begun }>;
  end(key: string, ended: Ended): Promise<StepRow>;
};

type Answer = StepRow | ({ state: 'begun' } & Begun) | { state: 'wait'; ms: number };

export function createJournal(options: {
  database: ServiceDatabase;
  persist: <T>(write: () => Promise<T>) => Promise<T>;
  executionId: string;
  attempt: number;
  /** Calls that the agent may make within a window, in all its runs; default: any number. */
  rateLimit?: { requests: number; windowMs: number } | undefined;
  signal: AbortSignal;
  spentMs(): number;
}): Journal {
  const { database, persist, executionId, attempt, rateLimit, signal, spentMs } = options;

  async function begin({ key, kind, name, input }: StepName): Promise<Answer> {
    const limited = kind === 'child' ? undefined : rateLimit;
    const { answer } = await one<{ answer: Answer }>(
      database.sql,
      'select runcast.begin_agent_step($1, $2, $3, $4, $5, $6::jsonb, $7, $8) as answer',
      [
        ...[executionId, attempt, key, kind, name],
        ...[json(input), limited?.requests ?? null, limited?.windowMs ?? null],
      ],
    );
    return answer;
  }

  return {
    async begin(step) {
      for (;;) {
        signal.throwIfAborted();
        const answer = await persist(() => begin(step));
        if (answer.state === 'begun') return { begun: answer };
        if (answer.state !== 'wait') return { row: answer };
        await wait(answer.ms, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    },
    end: (key, { state, output, error, isFinal, usage }) =>
      persist(() =>
        one<StepRow>(
          database.sql,
          'select * from runcast.finish_agent_step($1, $2, $3, $4, $5::jsonb, $6::jsonb, $7::jsonb, $8, $9)',
          [
            ...[executionId, attempt, key, state, json(output), json(error), json(usage)],
            ...[spentMs(), isFinal ?? false],
          ],
        ),
      ),
  };
}

function json(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(storable(value));
}

async function one<Row extends object>(sql: Sql, text: string, values: unknown[]): Promise<Row> {
  const [row] = await refusals(sql.query<Row>(text, values));
  if (row === undefined) throw new Error(`${text} returned no row`);
  return row;
}
