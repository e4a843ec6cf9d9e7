import { z } from 'zod';
import { text, uuidOf } from '../../../graphql/validation.ts';
import { notObject, vocabulary, whole } from '../../../platform/shapes.ts';
import { METHODS, PROVIDERS } from '../../training/vocabulary.ts';
import { CHANNELS, DOCUMENT_FORMATS, RECONCILIATION_STRATEGIES, type StepType } from '../vocabulary.ts';
import { auth } from './auth.ts';
import { condition } from './condition.ts';
import { matchingRule } from './matching-rule.ts';
import { MAX_PATTERN, patternFault } from './pattern.ts';
import {
  anyJson,
  duration,
  expression,
  headers,
  httpMethod,
  httpMethodOf,
  json,
  template,
  urlWithSecrets,
  uuid,
} from './pieces.ts';

const MAX_ITERATIONS = 10_000;
const MAX_PARALLELISM = 100;
const MAX_ENTRIES = 100;

const listOf = <Item extends z.ZodType>(item: Item, min = 1) =>
  z
    .array(item, { error: 'must be a list' })
    .min(min, 'must not be empty')
    .max(MAX_ENTRIES, `must hold at most ${MAX_ENTRIES}`);

const agentId = uuidOf('Agent').meta({ scalar: 'ID' });
const stepIds = (min: number) => listOf(uuid, min).meta({ scalar: 'ID' });
const trainingMethod = vocabulary('TrainingMethod', 'How a model is trained.', METHODS).meta({
  scalar: 'TrainingMethod',
});
const trainingProvider = vocabulary('TrainingProvider', 'Where a training run runs.', PROVIDERS).meta({
  scalar: 'TrainingProvider',
});
const flag = z.boolean({ error: 'must be true or false' });

const transform = z
  .object(
    {
      mapping: json.describe(
        'Expressions by the names of what they make; objects nest, other values are kept as they are.',
      ),
      functions: json
        .refine((functions) => Object.values(functions).every((body) => typeof body === 'string'), {
          error: 'must be an object of expressions by name',
        })
        .optional()
        .describe(
          'Functions that the mapping may call, as expressions by name: `{"net": "function($x) { $x / 1.19 }"}`.',
        ),
    },
    notObject,
  )
  .meta({ title: 'TransformStepConfig', typeDescription: 'Makes new values from what is there.' });

const match = z
  .object(
    {
      pattern: text(MAX_PATTERN)
        .superRefine((pattern, { addIssue }) => {
          const message = patternFault(pattern);
          if (message) addIssue({ code: 'custom', message });
        })
        .describe('The pattern to look for, in RE2’s syntax.'),
      fields: listOf(expression).describe('Expressions for the texts to look in.'),
      threshold: z
        .number({ error: 'must be a number' })
        .min(0, 'must be 0 to 1')
        .max(1, 'must be 0 to 1')
        .optional()
        .describe('The share of the fields that must match, 0 to 1. Default: 1.'),
    },
    notObject,
  )
  .meta({ title: 'MatchStepConfig', typeDescription: 'Looks for a pattern in fields.' });

const reconcile = z
  .object(
    {
      sourceA: expression.describe('An expression for the first list of records.'),
      sourceB: expression.describe('An expression for the second.'),
      matchingRules: listOf(matchingRule)
        .refine((rules) => rules.length === 0 || rules.some(({ newerBy }) => newerBy === undefined), {
          error: 'must hold a rule with a field',
        })
        .refine((rules) => rules.filter(({ newerBy }) => newerBy !== undefined).length <= 1, {
          error: 'must name only one field as newerBy',
        })
        .meta({ scalar: 'JSON' })
        .describe(
          'What makes two records the same, e.g. `{"field": "number"}` or `{"field": "amount", "tolerance": 0.01}`.',
        ),
      reconciliationStrategy: vocabulary(
        'ReconciliationStrategy',
        'Which source is right where two differ.',
        RECONCILIATION_STRATEGIES,
      ).describe('Which source is right where they differ.'),
    },
    notObject,
  )
  .meta({ title: 'ReconcileStepConfig', typeDescription: 'Compares two sources and brings them together.' });

const api = z
  .object(
    {
      endpoint: urlWithSecrets.describe('The URL, which may hold `{{ … }}`; secrets behind its `?` alone.'),
      method: httpMethod.describe('How to call it.'),
      headers: headers.optional().describe('Headers by name; values may hold `{{ … }}`.'),
      body: anyJson.optional().describe('The body; its texts may hold `{{ … }}`.'),
      auth: auth
        .optional()
        .describe(
          'Who calls; name secrets, as in `{"type": "bearer", "token": "{{secrets.TOKEN}}"}`. Others: `{"type": "basic", ' +
            '"username", "password"}`, `{"type": "apiKey", "in": "header" | "query", "name", "value"}`, and `{"type": "oauth", ' +
            '"tokenUrl", "clientId", "clientSecret", "scope", "audience"}` for client credentials.',
        ),
    },
    notObject,
  )
  .meta({ title: 'ApiStepConfig', typeDescription: 'Calls an HTTP API.' });

const name = text(100).regex(
  /^[A-Za-z_][A-Za-z0-9_.]*$/,
  'must be a name of letters, digits and underscores',
);

const database = z
  .object(
    {
      operation: name.describe('One of select, count, insert, update, delete, as the table allows.'),
      table: name.describe('A table of the platform.'),
      query: json
        .optional()
        .describe(
          'Which rows: `{"where": {"status": "failed", "started_at": {"gte": "2026-11-01T00:00:00Z"}}, "columns": ["id"], ' +
            '"order": ["-started_at"], "limit": 10}`; texts may hold `{{ … }}`.',
        ),
      data: anyJson
        .optional()
        .describe('What to write, by column; for insert also a list of rows. Texts may hold `{{ … }}`.'),
    },
    notObject,
  )
  .meta({ title: 'DatabaseStepConfig', typeDescription: 'Reads or writes a table of the platform.' });

const generate = z
  .object(
    {
      template: template.describe('The text of the document with `{{ … }}` in it.'),
      format: vocabulary('WorkflowDocumentFormat', 'A format of documents.', DOCUMENT_FORMATS).describe(
        'What it becomes.',
      ),
      variables: json.optional().describe('What the template may name, by name; texts may hold `{{ … }}`.'),
    },
    notObject,
  )
  .meta({ title: 'GenerateStepConfig', typeDescription: 'Makes a document from a template.' });

const agent = z
  .object(
    {
      agentId: agentId.describe('The agent, which the caller must be able to see: global id or row id.'),
      input: anyJson.describe('What it is given; texts may hold `{{ … }}`.'),
      waitForCompletion: flag.optional().describe('Whether the flow waits for its end. Default: true.'),
    },
    notObject,
  )
  .meta({ title: 'AgentStepConfig', typeDescription: 'Runs an agent.' });

const branch = z
  .object(
    {
      conditions: listOf(condition).describe('What must hold.'),
      then: stepIds(0).describe('The steps to run if it holds, in this order.'),
      else: stepIds(0).optional().describe('The steps to run if it does not, in this order. Default: none.'),
    },
    notObject,
  )
  .meta({ title: 'ConditionStepConfig', typeDescription: 'Goes one way or another.' });

const loop = z
  .object(
    {
      items: expression.describe('An expression for the list.'),
      stepIds: stepIds(1).describe('The steps to run for each item, in this order.'),
      maxIterations: whole(1, MAX_ITERATIONS)
        .optional()
        .describe(`Items beyond that many are an error; 1 to ${MAX_ITERATIONS}. Default: 1,000.`),
      parallelism: whole(1, MAX_PARALLELISM)
        .optional()
        .describe(`How many iterations run at the same time; 1 to ${MAX_PARALLELISM}. Default: 1.`),
    },
    notObject,
  )
  .meta({ title: 'LoopStepConfig', typeDescription: 'Runs steps once for each item of a list.' });

const delay = z
  .object({ duration: duration.describe('Milliseconds, at most a year.') }, notObject)
  .meta({ title: 'DelayStepConfig', typeDescription: 'Waits for a time.' });

const human = z
  .object(
    {
      prompt: template.describe('What is asked; may hold `{{ … }}`.'),
      required: flag.describe('Whether a refusal fails the step.'),
      timeout: duration
        .optional()
        .describe('Milliseconds until the step fails without a decision. Default: none.'),
      assignTo: uuid.optional().describe('The user who decides. Default: whoever may see the execution.'),
    },
    notObject,
  )
  .meta({ title: 'HumanStepConfig', typeDescription: 'Asks a person and waits for the decision.' });

const notification = z
  .object(
    {
      channel: vocabulary('WorkflowChannel', 'A way to tell people something.', CHANNELS).describe(
        'By which way.',
      ),
      template: template.describe('The message with `{{ … }}` in it.'),
      recipients: listOf(text(500)).describe(
        'To whom: addresses, channels, numbers or user ids; may hold `{{ … }}`. In-app: `owner`, too.',
      ),
    },
    notObject,
  )
  .meta({ title: 'NotificationStepConfig', typeDescription: 'Tells people something.' });

const webhook = z
  .object(
    {
      url: urlWithSecrets.describe('Where to; may hold `{{ … }}`; secrets behind its `?` alone.'),
      method: httpMethodOf('POST', 'PUT').describe('POST or PUT.'),
      headers: headers.optional().describe('Headers by name; values may hold `{{ … }}`.'),
      body: anyJson
        .optional()
        .describe('What to send; its texts may hold `{{ … }}`. Default: the execution’s state.'),
      secret: text(1_000)
        .optional()
        .describe(
          'What it is signed with by the Standard Webhooks scheme, base64 with or without `whsec_`: name one, as in ' +
            '`{{secrets.WEBHOOK}}`. Default: it is not signed.',
        ),
    },
    notObject,
  )
  .meta({ title: 'WebhookStepConfig', typeDescription: 'Sends an HTTP request to a URL.' });

const training = z
  .object(
    {
      publicId: text(200).describe('The public id of a training config.'),
      method: trainingMethod.describe(
        'How to train. Give it an alias beside the `method` of API steps: their types differ.',
      ),
      provider: trainingProvider.describe('Where to train.'),
      waitForCompletion: flag.optional().describe('Whether the flow waits for its end. Default: true.'),
    },
    notObject,
  )
  .meta({ title: 'TrainingStepConfig', typeDescription: 'Starts a training run.' });

/** The `config` of a step, by the step's type. */
export const stepConfigs = {
  ...{ transform, match, reconcile, api, database, generate, agent },
  ...{ condition: branch, loop, delay, human, notification, webhook, training },
} satisfies Record<StepType, z.ZodObject>;

export type StepConfig<Type extends StepType> = z.infer<(typeof stepConfigs)[Type]>;
