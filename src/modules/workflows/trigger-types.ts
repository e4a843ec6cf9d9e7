import { builder } from '../../graphql/builder.ts';
import { objectIn, outputOf, type Stored } from '../../graphql/json-shapes.ts';
import { UNKNOWN, valueOrUnknown } from '../../graphql/stored-enum.ts';
import { triggerConfigs } from './definition/trigger.ts';
import { WorkflowTriggerType } from './enums.ts';
import { TRIGGER_TYPES } from './vocabulary.ts';

function typeIn({ type }: Stored) {
  return typeof type === 'string' ? valueOrUnknown(TRIGGER_TYPES, type) : UNKNOWN;
}

/** What a trigger says beside its type; some programs keep it in a `config`. */
function configIn(trigger: Stored): Stored {
  return objectIn(trigger.config) ?? trigger;
}

const { schedule, webhook, event, api } = triggerConfigs;

export const WorkflowTriggerRef = builder.objectRef<Stored>('WorkflowTrigger').implement({
  description: 'How executions of a workflow begin: `type` says how, and the field of that name how exactly.',
  fields: (t) => {
    const of = (type: keyof typeof configs) =>
      t.field({
        type: outputOf(configs[type]),
        nullable: true,
        description: `How exactly, where the type is ${type.toUpperCase()}; null for the others.`,
        resolve: (trigger) => (typeIn(trigger) === type ? configIn(trigger) : null),
      });
    return {
      type: t.field({ type: WorkflowTriggerType, description: 'How.', resolve: typeIn }),
      typeText: t.string({
        nullable: true,
        description: 'The type as it is stored.',
        resolve: ({ type }) => (typeof type === 'string' ? type : null),
      }),
      schedule: of('schedule'),
      webhook: of('webhook'),
      event: of('event'),
      api: of('api'),
    };
  },
});

const configs = { schedule, webhook, event, api };
