import { CronExpressionParser } from 'cron-parser';
import { z } from 'zod';
import { text } from '../../../graphql/validation.ts';
import { vocabulary } from '../../../platform/shapes.ts';
import { condition } from '../../steps/definition/condition.ts';
import { httpMethodOf } from '../../steps/definition/pieces.ts';
import { MISSED_RUNS, type TriggerType } from '../vocabulary.ts';

const MAX_CONDITIONS = 50;

/** Five fields, as in crontab: the sixth, for seconds, would promise what no scheduler here keeps. */
const cron = text(200)
  .refine((expression) => expression.split(/\s+/).length === 5 || expression.startsWith('@'), {
    error: 'must have five fields: minute, hour, day of month, month, day of week',
    abort: true,
  })
  .refine((expression) => expression !== '@secondly', 'must not be due more than once a minute')
  .refine(isCron, 'must be a valid cron expression');

const timezone = text(100).refine(isTimezone, 'must be a time zone of the IANA database, e.g. Europe/Berlin');

const manual = z.object({}).meta({ title: 'WorkflowManualTrigger', typeDescription: 'People start it.' });

const schedule = z
  .object({
    cron: cron.describe('When: minute, hour, day of month, month, day of week, e.g. `0 3 * * *`.'),
    timezone: timezone.optional().describe('Where the clock hangs that this is read from. Default: UTC.'),
    missed: vocabulary(
      'WorkflowMissedRuns',
      'What becomes of times at which no worker was there, for more than a minute.',
      MISSED_RUNS,
    )
      .optional()
      .describe('What becomes of times that nobody worked at. Default: SKIP.'),
  })
  .meta({ title: 'WorkflowScheduleTrigger', typeDescription: 'Starts at set times.' });

const webhook = z
  .object({
    path: text(200)
      .regex(
        /^\/?[A-Za-z0-9._~-]+(\/[A-Za-z0-9._~-]+)*$/,
        'must be a path of letters, digits, dots and dashes',
      )
      .describe('Where requests arrive, below the workflow’s own address.'),
    method: httpMethodOf('GET', 'POST', 'PUT')
      .optional()
      .describe('Which requests count: GET, POST or PUT. Default: POST.'),
  })
  .meta({ title: 'WorkflowWebhookTrigger', typeDescription: 'Starts when an HTTP request arrives.' });

const event = z
  .object({
    eventName: text(200).describe('Which event, e.g. `workflow_completed`.'),
    conditions: z
      .array(condition, { error: 'must be a list' })
      .max(MAX_CONDITIONS, `must hold at most ${MAX_CONDITIONS} conditions`)
      .optional()
      .describe('What must hold of the event, which is the `input`. Default: nothing.'),
  })
  .meta({ title: 'WorkflowEventTrigger', typeDescription: 'Starts when an event of the platform happens.' });

const api = z
  .object({ endpoint: text(500).optional().describe('The endpoint that programs call, for people to know.') })
  .meta({ title: 'WorkflowApiTrigger', typeDescription: 'Programs start it.' });

/** What belongs to each type of trigger, beside `type` in the stored object. */
export const triggerConfigs = { manual, schedule, webhook, event, api } satisfies Record<
  TriggerType,
  z.ZodObject
>;

const typed = <Type extends TriggerType, Shape extends z.ZodRawShape>(
  type: Type,
  config: z.ZodObject<Shape>,
) => z.object({ type: z.literal(type), ...config.shape });

/** How executions of a workflow begin, as it is stored: `{"type": "schedule", "cron": "0 3 * * *"}`. */
export const trigger = z.discriminatedUnion(
  'type',
  [
    typed('manual', manual),
    typed('schedule', schedule),
    typed('webhook', webhook),
    typed('event', event),
    typed('api', api),
  ],
  { error: 'must be one of manual, schedule, webhook, event, api' },
);

export type Trigger = z.infer<typeof trigger>;

/** The parser is the one that schedules are read with (triggers/due.ts), so what passes here is what will run. */
function isCron(expression: string): boolean {
  try {
    CronExpressionParser.parse(expression, { tz: 'UTC', strict: false }).next();
    return true;
  } catch {
    return false;
  }
}

/** Offsets such as +02:00 are no zones: they know no summer time. */
function isTimezone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return /^[A-Za-z]/.test(zone);
  } catch {
    return false;
  }
}
