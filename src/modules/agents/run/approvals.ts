import type { ServiceDatabase } from '../../../platform/db/service.ts';
import { storable } from '../../../platform/feed/events.ts';
import { callAppending } from '../../../platform/feed/feed.ts';
import { StepError } from '../../steps/step.ts';
import type { Definition, Tool } from '../definition.ts';
import { Suspended } from '../failure.ts';
import type { Decision } from '../vocabulary.ts';

export type Approvals = {
  /**
   * What a person has said against a call; undefined where it needs no consent, or has it.
   *
   * @throws {Suspended} while nobody has decided: the question is asked by then
   */
  rejectionOf(key: string, tool: Tool, given: unknown): Promise<StepError | undefined>;
};

type Approval = { decision: Decision | null; comment: string | null };

/** Characters of the arguments that a question shows; all of them stand in its row. */
const SHOWN = 1_000;

export function createApprovals(options: {
  definition: Definition;
  database: ServiceDatabase;
  persist: <T>(write: () => Promise<T>) => Promise<T>;
  executionId: string;
  attempt: number;
}): Approvals {
  const { definition, database, persist, executionId, attempt } = options;
  const asked = new Set(definition.safety_constraints.requireHumanApproval ?? []);

  async function request(key: string, tool: Tool, given: unknown): Promise<Approval> {
    const args = JSON.stringify(storable(given ?? {}));
    const prompt = `May ${definition.name} call ${tool.name} with ${args.slice(0, SHOWN)}?`;
    return await callAppending<Approval>(
      database.sql,
      { kind: 'agent', id: executionId },
      {
        expression: `case $1::text when 'agent' then
          to_jsonb(runcast.request_agent_approval($2::text::uuid, $3, $4, $5, $6, $7::jsonb)) end`,
        values: [attempt, key, tool.name, prompt, args],
        news: () => ({ ended: false }),
      },
    );
  }

  return {
    async rejectionOf(key, tool, given) {
      if (![tool.id, tool.name, tool.category].some((name) => asked.has(name))) return undefined;
      const { decision, comment } = await persist(() => request(key, tool, given));
      if (decision === null) throw new Suspended('waits for a decision');
      if (decision === 'approved') return undefined;
      const said = comment === null ? '' : `: ${comment}`;
      return new StepError(
        { code: 'REJECTED', message: `a person has rejected the call of ${tool.name}${said}` },
        { isFinal: true },
      );
    },
  };
}
