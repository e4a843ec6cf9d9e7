import { z } from 'zod';
import { jsonObject, text, uuidOf } from '../../graphql/validation.ts';
import {
  capabilities,
  category,
  executionConfig,
  memoryConfig,
  outputType,
  planningStyle,
  safetyConstraints,
  tools,
} from './shapes.ts';
import { version } from './version.ts';

const NAME = 'Its name, for people.';
const TENANT_ID = 'The tenant it belongs to: global id or row id.';

const name = text(200);
const description = text(10_000);
const tenantId = uuidOf('Tenant').meta({ scalar: 'ID' });

/** Without a tenant only the service role sees an agent, so nobody else may leave the tenant out. */
export const createAgent = z
  .object({
    tenantId: tenantId.optional().describe(`${TENANT_ID} Only the service role may leave it out.`),
    name: name.describe(NAME),
    description: description.optional().describe('What it does, for people.'),
    version: version.describe(
      'Its semantic version, e.g. 1.0.0; name and version are unique within the tenant.',
    ),
    category: category.describe('What it is for.'),
    planningStyle: planningStyle
      .default('sequential')
      .describe('How it goes about its work. Default: SEQUENTIAL.'),
    capabilities: capabilities.prefault({}).describe('What it may do. Default: nothing.'),
    tools: tools.default([]).describe('What it can call. Default: nothing.'),
    executionConfig: executionConfig.default({}).describe('How it is run.'),
    memoryConfig: memoryConfig
      .optional()
      .describe('What it remembers; default: nothing beyond an execution.'),
    safetyConstraints: safetyConstraints.default({}).describe('What it must keep to.'),
    validationSchema: jsonObject.optional().describe('A JSON schema that its input must match.'),
    outputType: outputType.describe('What its output is.'),
    outputSchema: jsonObject.optional().describe('A JSON schema that its output matches.'),
    enabled: z.boolean().default(true).describe('Whether it can be run. Default: true.'),
  })
  .meta({ title: 'CreateAgent', typeDescription: 'A new agent.' });

export const createTenantAgent = createAgent.extend({ tenantId: tenantId.describe(TENANT_ID) });

export const updateAgent = z
  .object({
    name: name.optional().describe(NAME),
    description: description.nullable().optional().describe('What it does, for people; null for none.'),
    version: version.optional().describe('Its semantic version, which never falls.'),
    category: category.optional().describe('What it is for.'),
    planningStyle: planningStyle.optional().describe('How it goes about its work.'),
    capabilities: capabilities.optional().describe('What it may do; replaces the old ones.'),
    tools: tools.optional().describe('What it can call; replaces the old ones.'),
    executionConfig: executionConfig.optional().describe('How it is run; replaces the old one.'),
    memoryConfig: memoryConfig
      .nullable()
      .optional()
      .describe('What it remembers; replaces the old one, null for none.'),
    safetyConstraints: safetyConstraints.optional().describe('What it must keep to; replaces the old ones.'),
    validationSchema: jsonObject
      .nullable()
      .optional()
      .describe('A JSON schema that its input must match; null for none.'),
    outputType: outputType.optional().describe('What its output is.'),
    outputSchema: jsonObject
      .nullable()
      .optional()
      .describe('A JSON schema that its output matches; null for none.'),
  })
  .meta({ title: 'UpdateAgent', typeDescription: 'What changes about an agent; what is left out stays.' });

export const cloneAgent = z
  .object({
    name: name.optional().describe('The clone’s name. Default: as the original.'),
    version: version
      .optional()
      .describe(
        'The clone’s version; default: the original’s. Where the tenant has agents of that name, higher than all theirs.',
      ),
    tenantId: tenantId.optional().describe('Where the clone belongs. Default: where the original does.'),
  })
  .meta({ title: 'CloneAgent', typeDescription: 'How a clone differs from the original.' });

export type AgentDefinition = z.infer<typeof createAgent>;
export type AgentPatch = z.infer<typeof updateAgent>;
