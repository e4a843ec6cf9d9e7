import type { Sql } from '../../platform/db/sql.ts';

const COPIED = `description, category, planning_style, capabilities, tools, execution_config, memory_config,
  safety_constraints, validation_schema, output_type, output_schema`;

/** A copy as it is stored, whatever that is; undefined where the caller does not see the original. */
export async function copyAgent(
  sql: Sql,
  id: string,
  as: { name: string; version: string; tenantId: string | null; createdBy: string | null },
): Promise<string | undefined> {
  const [row] = await sql.query<{ id: string }>(
    `insert into public.agents (name, version, tenant_id, created_by, ${COPIED})
     select $2, $3, $4, $5, ${COPIED} from public.agents where id = $1
     returning id`,
    [id, as.name, as.version, as.tenantId, as.createdBy],
  );
  return row?.id;
}
