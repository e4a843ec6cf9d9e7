import { bucketsOf, type Calendar, loadCalendar } from '../../graphql/calendar.ts';
import { assertSignedIn, type Context } from '../../graphql/context.ts';
import { badInput, ValidationError } from '../../graphql/errors.ts';
import type { TimeBucket, TimePeriod } from '../../graphql/time-buckets.ts';
import { validated } from '../../graphql/validation.ts';
import { type ReportInput, reportInput, tooManyPoints } from './report-input.ts';
import { type GroupRow, loadGroups, mayReadTenant, type Scope } from './report-sql.ts';

/** Sums of a group, or of all of them, with those of the period before. Whole numbers as text, however large. */
export type Figures = {
  quantity: string;
  records: string;
  previousQuantity: string;
  previousRecords: string;
  changePercent: number | null;
};

export type ReportBucket = TimePeriod & { quantity: string; records: string };

export type ReportGroup = Figures & {
  metric: string | null;
  userId: string | null;
  tenantId: string | null;
  buckets: ReportBucket[];
};

export type Report = {
  period: TimePeriod;
  previousPeriod: TimePeriod;
  timezone: string;
  bucket: TimeBucket;
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
  const calendar = await loadCalendar(sql, asked);
  return reportOf(asked, calendar, await loadGroups(sql, scope, asked, calendar));
}

function reportOf(asked: ReportInput, calendar: Calendar, rows: readonly GroupRow[]): Report {
  const { period, bucket, timezone } = asked;
  const spans = bucketsOf(calendar, period);
  const [first] = rows;
  if (first && first.quantities === null) {
    const message = tooManyPoints(first.groups, spans.length, bucket);
    throw new ValidationError([{ path: ['period'], message }]);
  }
  const groups = rows.map(({ quantities, recordCounts, ...row }): ReportGroup => {
    const buckets = spans.map((span, at) => ({
      ...span,
      quantity: quantities?.[at] ?? '0',
      records: recordCounts?.[at] ?? '0',
    }));
    return { ...row, buckets };
  });
  const previousPeriod = { from: calendar.previousFrom, to: period.from };
  return { period, previousPeriod, timezone, bucket, total: first ? totalOf(first) : NOTHING, groups };
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
