import { assertSignedIn, type Context } from '../../graphql/context.ts';
import { badInput, ValidationError } from '../../graphql/errors.ts';
import { validated } from '../../graphql/validation.ts';
import { codeOf } from '../../platform/errors.ts';
import { type Bucket, type ReportInput, reportInput, tooManyPoints } from './report-input.ts';
import {
  type Calendar,
  type GroupRow,
  loadCalendar,
  loadGroups,
  mayReadTenant,
  type Scope,
} from './report-sql.ts';

/** Sums of a group, or of all of them, with those of the period before. Whole numbers as text, however large. */
export type Figures = {
  quantity: string;
  records: string;
  previousQuantity: string;
  previousRecords: string;
  changePercent: number | null;
};

export type ReportBucket = { from: Date; to: Date; quantity: string; records: string };

export type ReportGroup = Figures & {
  metric: string | null;
  userId: string | null;
  tenantId: string | null;
  buckets: ReportBucket[];
};

export type Report = {
  from: Date;
  to: Date;
  previousFrom: Date;
  timezone: string;
  bucket: Bucket;
  total: Figures;
  groups: ReportGroup[];
};

const NOTHING: Figures = {
  quantity: '0',
  records: '0',
  previousQuantity: '0',
  previousRecords: '0',
  changePercent: null,
};

const UNKNOWN_TIMEZONE = '22023';

/**
 * What was used in a period: the caller's own, or all that is charged to a tenant.
 *
 * @returns null where the caller is neither admin nor billing in that tenant, or there is none
 * @throws {ValidationError} with every faulty argument at once
 */
export async function usageReport(context: Context, raw: unknown): Promise<Report | null> {
  assertSignedIn(context);
  const asked = validated(reportInput, raw, []);
  const { sql } = context.db;
  const { role, sub } = context.identity.claims;
  if (asked.tenantId === undefined && sub === undefined) {
    throw badInput('A token that names no user has no usage of its own: give `tenantId`.');
  }
  if (asked.tenantId !== undefined && !(await mayReadTenant(sql, asked.tenantId, role === 'service_role'))) {
    return null;
  }
  const scope: Scope = asked.tenantId === undefined ? { userId: sub ?? '' } : { tenantId: asked.tenantId };
  const calendar = await calendarOf(context, asked);
  return reportOf(asked, calendar, await loadGroups(sql, scope, asked, calendar));
}

async function calendarOf({ db }: Context, asked: ReportInput): Promise<Calendar> {
  try {
    return await loadCalendar(db.sql, asked);
  } catch (error) {
    // Node and Postgres each bring their own list of timezones, of different years.
    if (codeOf(error) !== UNKNOWN_TIMEZONE) throw error;
    throw new ValidationError([{ path: ['timezone'], message: 'is not known to the database' }]);
  }
}

function reportOf(asked: ReportInput, { starts, previousFrom }: Calendar, rows: readonly GroupRow[]): Report {
  const { period, bucket, timezone } = asked;
  const [first] = rows;
  if (first && first.quantities === null) {
    const message = tooManyPoints(first.groups, starts.length, bucket);
    throw new ValidationError([{ path: ['period'], message }]);
  }
  const groups = rows.map(({ quantities, recordCounts, ...row }): ReportGroup => {
    const buckets = starts.map((from, at) => ({
      from,
      to: starts[at + 1] ?? period.to,
      quantity: quantities?.[at] ?? '0',
      records: recordCounts?.[at] ?? '0',
    }));
    return { ...row, buckets };
  });
  return { ...period, previousFrom, timezone, bucket, total: first ? totalOf(first) : NOTHING, groups };
}

function totalOf(row: GroupRow): Figures {
  return {
    quantity: row.totalQuantity,
    records: row.totalRecords,
    previousQuantity: row.totalPreviousQuantity,
    previousRecords: row.totalPreviousRecords,
    changePercent: row.totalChangePercent,
  };
}
