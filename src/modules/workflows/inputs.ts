import { z } from 'zod';
import { jsonObject, text, uuidOf } from '../../graphql/validation.ts';
import { vocabulary } from '../../platform/shapes.ts';
import { version } from '../agents/version.ts';
import { definition } from './definition/definition.ts';
import { stepFields } from './definition/step.ts';
import { CATEGORIES } from './vocabulary.ts';

/**
 * What the API takes. GraphQL's form of a definition differs from the stored one in that what depends on a type stands
 * under the type's name: `config: {api: {…}}` for `type: "api", config: {…}`, and `trigger: {schedule: {…}}` for
 * `{type: "schedule", …}`. The types of those two are made in definition-inputs.ts.
 */

const NAME = 'Its name, for people.';
const DESCRIPTION = 'What it does, for people';
const VERSION = 'Its semantic version, e.g. 1.0.0';
const STATE_SCHEMA = 'A JSON schema of the state that steps share';
const INITIAL_STATE = 'The state that executions begin with';
const INTROSPECTABLE = 'Whether its executions may read its definition.';
const AUDIT_LOG = 'Whether its executions write a row for each state that they pass through.';
const GLOBAL_RETRY = 'How steps are tried again that do not say it themselves';
const ERROR_HANDLER = 'What happens when a step has failed for good';

export const category = vocabulary('WorkflowCategory', 'What a workflow is for.', CATEGORIES).meta({
  scalar: 'WorkflowCategory',
});
const name = text(200);
const description = text(10_000);
const tenantId = uuidOf('Tenant').meta({ scalar: 'ID' });
const flag = z.boolean({ error: 'must be true or false' });
const { shape } = definition;

const anything = (scalar: string) => z.unknown().meta({ scalar });

/** A step as GraphQL takes it. */
export const stepInput = z
  .object({
    ...stepFields.shape,
    config: anything('WorkflowStepConfigInput')
      .refine((config) => config != null)
      .describe('What it does: exactly one of these, by its type.'),
  })
  .meta({ title: 'WorkflowStep', typeDescription: 'A step of a workflow.' });

const steps = z.array(stepInput);
const START = 'The step to begin with, by its id.';
const STEPS =
  'The steps, in order: each leads to the next that no other step names. docs/workflows.md has all rules.';
const TRIGGER = 'How executions begin: exactly one of these.';

const definitionParts = {
  globalRetry: shape.globalRetry.describe(`${GLOBAL_RETRY}. Default: not at all.`),
  errorHandler: shape.errorHandler.describe(`${ERROR_HANDLER}. Default: the execution fails.`),
  stateSchema: jsonObject.optional().describe(`${STATE_SCHEMA}. Default: any.`),
  initialState: jsonObject.optional().describe(`${INITIAL_STATE}. Default: an empty one.`),
};

const head = {
  name: name.describe(NAME),
  description: description.optional().describe(`${DESCRIPTION}.`),
  version: version.describe(`${VERSION}; name and version are unique within the tenant.`),
  category: category.describe('What it is for.'),
  enabled: flag.default(true).describe('Whether it can be run. Default: true.'),
  introspectable: flag.default(true).describe(`${INTROSPECTABLE} Default: true.`),
  auditLog: flag.default(true).describe(`${AUDIT_LOG} Default: true.`),
};

const optionalTenant = tenantId
  .optional()
  .describe('The tenant it belongs to: global id or row id. Only the service role may leave it out.');

/** A definition alone, to be drawn or validated. */
export const definitionInput = z
  .object({
    trigger: anything('WorkflowTriggerInput').describe(`${TRIGGER} Default: manual.`),
    steps: steps.describe(STEPS),
    startStepId: shape.startStepId.optional().describe(`${START} Default: the first.`),
    ...definitionParts,
  })
  .meta({ title: 'WorkflowDefinition', typeDescription: 'What of a workflow decides how it runs.' });

export const createInput = z
  .object({ tenantId: optionalTenant, ...head, ...definitionInput.shape })
  .meta({ title: 'CreateWorkflow', typeDescription: 'A new workflow.' });

/** What a new workflow is once its definition has the stored form. */
export const createWorkflow = z.object({ tenantId: optionalTenant, ...head, ...shape });
export const createTenantWorkflow = createWorkflow.extend({ tenantId });

const patch = {
  name: name.optional().describe(NAME),
  description: description.nullable().optional().describe(`${DESCRIPTION}; null for nothing.`),
  version: version.optional().describe(`${VERSION}, which never falls.`),
  category: category.optional().describe('What it is for.'),
  introspectable: flag.optional().describe(INTROSPECTABLE),
  auditLog: flag.optional().describe(AUDIT_LOG),
  globalRetry: shape.globalRetry.nullable().describe(`${GLOBAL_RETRY}; replaces the old one, null for none.`),
  errorHandler: shape.errorHandler
    .nullable()
    .describe(`${ERROR_HANDLER}; replaces the old one, null for none.`),
  stateSchema: jsonObject.nullable().optional().describe(`${STATE_SCHEMA}; null for none.`),
  initialState: jsonObject.nullable().optional().describe(`${INITIAL_STATE}; null for an empty one.`),
};

export const updateInput = z
  .object({
    ...patch,
    trigger: anything('WorkflowTriggerInput').optional().describe(TRIGGER),
    steps: steps.optional().describe(`${STEPS} They replace the old ones.`),
    startStepId: shape.startStepId.optional().describe(START),
  })
  .meta({
    title: 'UpdateWorkflow',
    typeDescription: 'What changes about a workflow; what is left out stays.',
  });

export const updateWorkflow = z.object({
  ...patch,
  trigger: shape.trigger.optional(),
  steps: shape.steps.optional(),
  startStepId: shape.startStepId.optional(),
});

export const cloneWorkflow = z
  .object({
    name: name.optional().describe('The clone’s name. Default: as the original.'),
    version: version
      .optional()
      .describe(
        'The clone’s version; default: the original’s. Where the tenant has workflows of that name, higher than all theirs.',
      ),
    tenantId: tenantId.optional().describe('Where the clone belongs. Default: where the original does.'),
  })
  .meta({ title: 'CloneWorkflow', typeDescription: 'How a clone differs from the original.' });

export type WorkflowPatch = z.infer<typeof updateWorkflow>;
export type NewWorkflow = z.infer<typeof createWorkflow>;
