import type { Prisma } from '../../generated/prisma/client.ts';
import { builder } from '../../graphql/builder.ts';
import { searchable } from '../../graphql/ids.ts';
import { whereStored } from '../../graphql/stored-enum.ts';
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

export function whereExecution(
  filter: ExecutionFilter | null | undefined,
): Prisma.TrainingExecutionWhereInput {
  const { status, provider, method, publicId, createdAfter, createdBefore } = filter ?? {};
  const all: Prisma.TrainingExecutionWhereInput[] = [];
  if (status != null) all.push({ OR: whereStored(STATUSES, status).OR.map((value) => ({ status: value })) });
  if (provider != null)
    all.push({ OR: whereStored(PROVIDERS, provider).OR.map((value) => ({ provider: value })) });
  if (method != null) all.push({ OR: whereStored(METHODS, method).OR.map((value) => ({ method: value })) });
  if (publicId != null) all.push({ publicId: searchable(publicId) });
  if (createdAfter != null) all.push({ createdAt: { gte: createdAfter } });
  if (createdBefore != null) all.push({ createdAt: { lt: createdBefore } });
  return all.length === 0 ? {} : { AND: all };
}
