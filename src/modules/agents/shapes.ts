import { z } from 'zod';
import { jsonObject, jsonValue, text } from '../../graphql/validation.ts';
import { named, notObject, usd, vocabulary, whole } from '../../platform/shapes.ts';
import { retryPolicy } from '../executions/shapes.ts';
import {
  CATEGORIES,
  EXECUTION_MODES,
  MEMORY_KINDS,
  MODEL_PROVIDERS,
  OUTPUT_TYPES,
  PLANNING_STYLES,
  STATUSES,
  TOOL_CATEGORIES,
} from './vocabulary.ts';

/** What an agent's columns hold, as workers read them and the API takes and shows them. */

export const category = vocabulary('AgentCategory', 'What an agent is for.', CATEGORIES);
export const planningStyle = vocabulary(
  'AgentPlanningStyle',
  'How an agent goes about its work.',
  PLANNING_STYLES,
);
export const outputType = vocabulary('AgentOutputType', 'What an agent’s output is.', OUTPUT_TYPES);
export const executionStatus = vocabulary(
  'AgentExecutionStatus',
  'How far a run of an agent has come.',
  STATUSES,
);

const MAX_TOOLS = 100;

const may = (what: string) => z.boolean().default(false).describe(`Whether it may ${what}. Default: false.`);

export const capabilities = z
  .object(
    {
      canRead: may('read data'),
      canWrite: may('write data'),
      canExecute: may('run code'),
      canModifyWorkflows: may('change workflows'),
      canAccessExternalAPIs: may('call APIs outside of the platform'),
      canAccessDatabase: may('query the database'),
      canInvokeOtherAgents: may('call other agents'),
      maxConcurrentOperations: whole(1, 100)
        .optional()
        .describe('How many operations it may run at the same time: 1 to 100.'),
    },
    notObject,
  )
  .meta({ title: 'AgentCapabilities', typeDescription: 'What an agent may do.' });

const toolParameter = z
  .object(
    {
      type: text(50).describe('The type of its value, e.g. string.'),
      required: z.boolean().default(false).describe('Whether every call must give it. Default: false.'),
      description: text(2_000).optional().describe('What it is for.'),
      default: jsonValue.optional().describe('Its value where a call does not give it.'),
    },
    notObject,
  )
  .meta({ title: 'AgentToolParameter', typeDescription: 'A parameter of a tool.' });

export const tool = z
  .object(
    {
      id: text(100).describe('Its id, unique within the agent.'),
      name: text(200).describe('Its name, as the model sees it.'),
      description: text(5_000).describe('What it does, as the model sees it.'),
      category: vocabulary('AgentToolCategory', 'What kind of thing a tool does.', TOOL_CATEGORIES).describe(
        'What kind of thing it does.',
      ),
      parameters: named(toolParameter).default({}).describe('What it takes. Default: nothing.'),
      returns: jsonValue.optional().describe('What it returns: a type’s name, or a JSON schema.'),
      config: jsonObject
        .meta({ scalar: 'JSON' })
        .optional()
        .describe(
          'What it does, by category. api: {endpoint, method, headers?, body?, auth?}; database: {operation, table, query?, ' +
            'data?}; transformation: {mapping}; validation: {schema}; workflow: {workflowId}; ai: {prompt, model?}.',
        ),
      timeout: whole(1).optional().describe('Milliseconds that a call may take. Default: 30,000.'),
      retry: retryPolicy.optional().describe('What happens after a call has failed.'),
    },
    notObject,
  )
  .meta({ title: 'AgentTool', typeDescription: 'Something that an agent can call.' });

export const tools = z
  .array(tool)
  .max(MAX_TOOLS, `must hold at most ${MAX_TOOLS} tools`)
  .check(({ value, issues }) => {
    const seen = new Set<string>();
    for (const [index, { id }] of value.entries()) {
      if (seen.has(id)) {
        issues.push({
          code: 'custom',
          path: [index, 'id'],
          message: 'must be unique within the agent',
          input: id,
        });
      }
      seen.add(id);
    }
  });

export const model = z
  .object(
    {
      provider: vocabulary('AgentModelProvider', 'Who serves a model.', MODEL_PROVIDERS).describe(
        'Who serves it.',
      ),
      name: text(200).describe('Its name, as its provider has it.'),
      temperature: z
        .number({ error: 'must be a number' })
        .min(0, 'must be 0 to 2')
        .max(2, 'must be 0 to 2')
        .optional()
        .describe('How varied its answers are, 0 to 2. Default: the provider’s.'),
      maxOutputTokens: whole(1)
        .optional()
        .describe('Tokens that one answer may have. Default: the provider’s.'),
    },
    notObject,
  )
  .meta({ title: 'AgentModel', typeDescription: 'A model that an agent asks.' });

export const executionConfig = z
  .object(
    {
      mode: vocabulary('AgentExecutionMode', 'How an agent’s output reaches the caller.', EXECUTION_MODES)
        .optional()
        .describe('How the output reaches the caller.'),
      model: model
        .optional()
        .describe(
          'The model it asks. Default: the operator’s; agents with tools that are planned sequentially or in parallel ask none.',
        ),
      timeout: whole(1_000, 3_600_000)
        .optional()
        .describe('Milliseconds that an execution may take: 1,000 to 3,600,000.'),
      retry: retryPolicy.optional().describe('What happens after an execution has failed.'),
    },
    notObject,
  )
  .meta({ title: 'AgentExecutionConfig', typeDescription: 'How an agent is run.' });

export const memoryConfig = z
  .object(
    {
      type: text(50).optional().describe('The kind of memory, by name, for other programs.'),
      kinds: z
        .array(vocabulary('AgentMemoryKind', 'What an agent remembers.', MEMORY_KINDS))
        .max(3, 'must hold at most 3 kinds')
        .optional()
        .describe('What it remembers. Default: working alone.'),
      maxSize: whole().optional().describe('How much it keeps at most, in the units of its kind.'),
      ttl: whole().optional().describe('Seconds after which it forgets.'),
      persistence: z.boolean().optional().describe('Whether it outlives the execution.'),
    },
    notObject,
  )
  .meta({ title: 'AgentMemoryConfig', typeDescription: 'What an agent remembers.' });

const DOMAIN = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

const domains = z
  .array(text(253).regex(DOMAIN, 'must be a domain, such as example.com or *.example.com'))
  .max(1_000, 'must hold at most 1000 domains')
  .optional();

const rateLimit = z
  .object(
    {
      requests: whole(1).describe('How many.'),
      windowMs: whole(1).describe('Within how many milliseconds.'),
    },
    notObject,
  )
  .meta({ title: 'AgentRateLimit', typeDescription: 'How often something may happen.' });

export const safetyConstraints = z
  .object(
    {
      maxExecutionTime: whole(1).optional().describe('Milliseconds after which an execution is ended.'),
      maxTokenUsage: whole(1).optional().describe('Tokens that an execution may use.'),
      maxCost: usd.optional().describe('US dollars that an execution may cost.'),
      allowedDomains: domains.describe(
        'The only domains it may call; `*.` stands for any below. Default: all.',
      ),
      blockedDomains: domains.describe('Domains it may not call, also where they are allowed.'),
      requireHumanApproval: z
        .array(text(200))
        .max(100, 'must hold at most 100 actions')
        .optional()
        .describe('The actions that wait for a person’s consent, by name.'),
      rateLimit: rateLimit.optional().describe('How many requests it may make.'),
    },
    notObject,
  )
  .meta({ title: 'AgentSafetyConstraints', typeDescription: 'What an agent must keep to.' });
