import { builder } from '../../graphql/builder.ts';
import { stored } from '../../graphql/stored-enum.ts';
import type { Condition } from '../../graphql/table.ts';
import { TrainingMethodEnum, TrainingProviderEnum, TrainingStatusEnum } from './enums.ts';
import { METHODS, PROVIDERS, STATUSES } from './vocabulary.ts';

export const TrainingExecutionFilter = builder.inputType('TrainingExecutionFilter', {
  description: 'Which runs to list or follow; conditions add up.',
  fields: (t) => ({
    status: t.field({ type: [TrainingStatusEnum], description: 'In one of these statuses.' }),
    provider: t.field({ type: [TrainingProviderEnum], description: 'At one of these providers.' }),
    method: t.field({ type: [TrainingMethodEnum], description: 'Trained by one of these methods.' }),
    publicId: t.string({ description: 'Started from the config of this public id.' }),
    createdAfter: t.field({ type: 'DateTime', description: 'Made at this moment or later.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Made before this moment.' }),
  }),
});

export type ExecutionFilter = typeof TrainingExecutionFilter.$inferInput;

export function whereExecution(filter: ExecutionFilter | null | undefined): Condition[] {
  const { status, provider, method, publicId, createdAfter, createdBefore } = filter ?? {};
  const all: Condition[] = [];
  if (status != null) all.push(stored('status', STATUSES, status));
  if (provider != null) all.push(stored('provider', PROVIDERS, provider));
  if (method != null) all.push(stored('method', METHODS, method));
  if (publicId != null) all.push({ field: 'publicId', is: publicId });
  if (createdAfter != null) all.push({ field: 'createdAt', from: createdAfter });
  if (createdBefore != null) all.push({ field: 'createdAt', before: createdBefore });
  return all;
}
