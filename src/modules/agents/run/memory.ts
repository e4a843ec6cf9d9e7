import type { Sql } from '../../../platform/db/sql.ts';
import { storable } from '../../../platform/feed/events.ts';
import type { Definition } from '../definition.ts';

export type MemoryKind = 'working' | 'episodic' | 'long_term';

/** What an agent remembers of a user beyond a run. */
export type Memory = {
  keeps(kind: MemoryKind): boolean;
  /** As a part of the prompt; undefined where there is nothing. */
  recall(): Promise<string | undefined>;
  remember(key: string, fact: string): Promise<void>;
  forget(key: string): Promise<void>;
  /** Notes down what a run was about, once. */
  conclude(executionId: string, input: unknown, output: unknown): Promise<void>;
};

/** Memories of a kind where the agent does not say. */
const DEFAULT_SIZE = 20;
/** Characters of a former run's input, and as many of its output. */
const SHOWN = 500;

export function createMemory(options: { sql: Sql; definition: Definition; userId: string }): Memory {
  const { sql, definition, userId } = options;
  const { id: agentId, memory_config: config } = definition;
  const kinds = config?.persistence === false ? [] : (config?.kinds ?? []);
  const size = config?.maxSize ?? DEFAULT_SIZE;
  const keeps = (kind: MemoryKind) => kinds.includes(kind);

  /** The oldest beyond the size go. */
  async function keep(kind: MemoryKind, key: string, content: string): Promise<void> {
    await sql.query(
      `insert into runcast.agent_memories (agent_id, user_id, kind, key, content, expires_at)
       values ($1, $2, $3, $4, $5, now() + $6::float8 * interval '1 second')
       on conflict (agent_id, user_id, kind, key) do update set
         content = excluded.content, expires_at = excluded.expires_at, updated_at = clock_timestamp()`,
      [agentId, userId, kind, storable(key), storable(content), config?.ttl ?? null],
    );
    await sql.query(
      `delete from runcast.agent_memories where (agent_id, user_id, kind, key) in (
         select agent_id, user_id, kind, key from runcast.agent_memories
         where agent_id = $1 and user_id = $2 and kind = $3
         order by updated_at desc offset $4::bigint)`,
      [agentId, userId, kind, size],
    );
  }

  return {
    keeps,
    async recall() {
      if (!keeps('episodic') && !keeps('long_term')) return undefined;
      const rows = await sql.query<{ kind: MemoryKind; key: string; content: string }>(
        `select kind, key, content from runcast.agent_memories
         where agent_id = $1 and user_id = $2 and kind = any ($3) and (expires_at is null or expires_at > now())
         order by kind, updated_at`,
        [agentId, userId, kinds],
      );
      const facts = rows
        .filter(({ kind }) => kind === 'long_term')
        .map(({ key, content }) => `${key}: ${content}`);
      const runs = rows.filter(({ kind }) => kind === 'episodic').map(({ content }) => content);
      const parts = [list('What you have noted down of this user', facts), list('Your former runs', runs)];
      return parts.filter(Boolean).join('\n\n') || undefined;
    },
    remember: (key, fact) => keep('long_term', key, fact),
    async forget(key) {
      await sql.query(
        `delete from runcast.agent_memories
         where agent_id = $1 and user_id = $2 and kind = 'long_term' and key = $3`,
        [agentId, userId, storable(key)],
      );
    },
    async conclude(executionId, input, output) {
      if (!keeps('episodic')) return;
      await keep('episodic', executionId, `Asked: ${summary(input)}\nAnswered: ${summary(output)}`);
    },
  };
}

function list(title: string, items: readonly string[]): string {
  return items.length === 0 ? '' : `${title}:\n${items.map((item) => `- ${item}`).join('\n')}`;
}

function summary(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
