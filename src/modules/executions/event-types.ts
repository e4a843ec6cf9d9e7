import { builder } from '../../graphql/builder.ts';
import type { EventType, ExecutionEvent } from '../../platform/feed/events.ts';

/** One event of one type. */
type EventOf<Type extends EventType> = Extract<ExecutionEvent, { type: Type }>;

export const EventTypeEnum = builder.enumType('ExecutionEventType', {
  description: 'The kinds of events in an execution’s feed.',
  values: {
    STATUS: { value: 'status', description: 'The status changed.' },
    PROGRESS: { value: 'progress', description: 'The run came further.' },
    LOG: { value: 'log', description: 'A log line.' },
    METRIC: { value: 'metric', description: 'Figures of one step, such as the loss.' },
    STEP: { value: 'step', description: 'A step of a workflow or an agent changed its state.' },
    OUTPUT: { value: 'output', description: 'A piece of the result as it is made.' },
    APPROVAL: { value: 'approval', description: 'A person is asked, or has decided.' },
    PROVIDER: { value: 'provider', description: 'What the provider said, as it said it.' },
    GAP: { value: 'gap', description: 'Lines were lost before they reached us.' },
  } as const,
});

export const ExecutionEventRef = builder.interfaceRef<ExecutionEvent>('ExecutionEvent').implement({
  description:
    'Something that happened in an execution. Numbered from 1 without gaps: whoever has 1 to n has everything, and ' +
    'asks for what comes after n. The last event is always a terminal status.',
  fields: (t) => ({
    seq: t.exposeInt('seq', { description: 'Its number within the execution, from 1.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it was recorded.' }),
    attempt: t.exposeInt('attempt', {
      description: 'How often the execution had been taken by a worker by then; 0 before the first.',
    }),
    type: t.expose('type', {
      type: EventTypeEnum,
      description: 'Its kind, for clients that do not ask for __typename.',
    }),
  }),
  resolveType: (event) => TYPE_NAMES[event.type],
});

const TYPE_NAMES: Record<EventType, string> = {
  status: 'StatusEvent',
  progress: 'ProgressEvent',
  log: 'LogEvent',
  metric: 'MetricEvent',
  step: 'StepEvent',
  output: 'OutputEvent',
  approval: 'ApprovalEvent',
  provider: 'ProviderEvent',
  gap: 'GapEvent',
};

const interfaces = [ExecutionEventRef];
const ref = <Type extends EventType>(type: Type) => builder.objectRef<EventOf<Type>>(TYPE_NAMES[type]);

ref('status').implement({
  interfaces,
  description: 'The status changed. Statuses are as they are stored, e.g. `running`.',
  fields: (t) => ({
    from: t.string({
      nullable: true,
      description: 'The status before; null in the first event.',
      resolve: ({ payload }) => payload.from ?? null,
    }),
    to: t.string({ description: 'The status after.', resolve: ({ payload }) => payload.to }),
    reason: t.string({
      nullable: true,
      description: 'Why, where anybody said so.',
      resolve: ({ payload }) => payload.reason ?? null,
    }),
  }),
});

ref('progress').implement({
  interfaces,
  description: 'The run came further.',
  fields: (t) => ({
    percent: t.int({ description: '0 to 100.', resolve: ({ payload }) => payload.percent }),
    step: t.float({
      nullable: true,
      description: 'Which step it is at, where the trainer counts steps.',
      resolve: ({ payload }) => payload.step ?? null,
    }),
    totalSteps: t.float({
      nullable: true,
      description: 'How many steps there will be, where known.',
      resolve: ({ payload }) => payload.totalSteps ?? null,
    }),
    etaSeconds: t.float({
      nullable: true,
      description: 'Seconds left at the time of the event, as the trainer estimates them.',
      resolve: ({ payload }) => payload.etaSeconds ?? null,
    }),
  }),
});

ref('log').implement({
  interfaces,
  description: 'A log line.',
  fields: (t) => ({
    level: t.string({ description: 'debug, info, warn or error.', resolve: ({ payload }) => payload.level }),
    message: t.string({
      description: 'The line, without its line break.',
      resolve: ({ payload }) => payload.message,
    }),
    source: t.string({
      description:
        'Who wrote it: stdout or stderr of the trainer, runcast, client, or external for lines that came through the row.',
      resolve: ({ payload }) => payload.source,
    }),
  }),
});

ref('metric').implement({
  interfaces,
  description: 'Figures of one step.',
  fields: (t) => ({
    // Nullable like the step of ProgressEvent: fields of one name that differ in that cannot be asked for together.
    step: t.float({
      nullable: true,
      description: 'The step they belong to; never null.',
      resolve: ({ payload }) => payload.step,
    }),
    epoch: t.float({
      nullable: true,
      description: 'The epoch, with its fraction, where the trainer says so.',
      resolve: ({ payload }) => payload.epoch ?? null,
    }),
    values: t.field({
      type: 'JSON',
      description: 'The figures by name, e.g. {"loss": 2.31}; null for what is no finite number.',
      resolve: ({ payload }) => payload.values,
    }),
  }),
});

ref('step').implement({
  interfaces,
  description: 'A step of a workflow or an agent changed its state.',
  fields: (t) => ({
    stepId: t.string({
      description: 'The step’s id in its definition.',
      resolve: ({ payload }) => payload.stepId,
    }),
    name: t.string({ description: 'The step’s name.', resolve: ({ payload }) => payload.name }),
    stepType: t.string({
      description: 'What kind of step it is, e.g. api.',
      resolve: ({ payload }) => payload.type,
    }),
    state: t.string({ description: 'The state it is in now.', resolve: ({ payload }) => payload.state }),
    stepAttempt: t.int({
      description: 'Which attempt at this step it is, from 1; 0 before the first.',
      resolve: ({ payload }) => payload.attempt,
    }),
    error: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Why it failed, where it did.',
      resolve: ({ payload }) => payload.error ?? null,
    }),
  }),
});

ref('output').implement({
  interfaces,
  description: 'A piece of the result as it is made.',
  fields: (t) => ({
    delta: t.string({
      description: 'Text to append to what came before.',
      resolve: ({ payload }) => payload.delta,
    }),
  }),
});

ref('approval').implement({
  interfaces,
  description: 'A person is asked to decide, or has decided.',
  fields: (t) => ({
    stepId: t.string({
      description: 'The step that waits for it.',
      resolve: ({ payload }) => payload.stepId,
    }),
    prompt: t.string({ description: 'What is asked.', resolve: ({ payload }) => payload.prompt }),
    decision: t.string({
      nullable: true,
      description: 'What was decided; null while it is open.',
      resolve: ({ payload }) => payload.decision ?? null,
    }),
    by: t.string({
      nullable: true,
      description: 'The id of who decided; null while it is open.',
      resolve: ({ payload }) => payload.by ?? null,
    }),
  }),
});

ref('provider').implement({
  interfaces,
  description: 'What the provider said, as it said it.',
  fields: (t) => ({
    raw: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The provider’s own event.',
      resolve: ({ payload }) => payload.raw ?? null,
    }),
  }),
});

ref('gap').implement({
  interfaces,
  description: 'Lines were lost before they reached us and can never be had; the numbering has no gap.',
  fields: (t) => ({
    reason: t.string({ description: 'What was lost, and why.', resolve: ({ payload }) => payload.reason }),
  }),
});
