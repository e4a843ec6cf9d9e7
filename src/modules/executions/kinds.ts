import { builder } from '../../graphql/builder.ts';

export const ExecutionKindEnum = builder.enumType('ExecutionKind', {
  description: 'What is executed.',
  values: {
    TRAINING: { value: 'training', description: 'Training runs.' },
    AGENT: { value: 'agent', description: 'Agents.' },
    WORKFLOW: { value: 'workflow', description: 'Workflows.' },
  } as const,
});
