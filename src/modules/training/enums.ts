import { builder } from '../../graphql/builder.ts';
import { storedEnum } from '../../graphql/stored-enum.ts';
import { DATASET_FORMATS, METHODS, PROVIDERS, STATUSES } from './vocabulary.ts';

export const TrainingStatusEnum = storedEnum('TrainingStatus', 'How far a training run has come.', STATUSES);
export const TrainingProviderEnum = storedEnum('TrainingProvider', 'Where a training run runs.', PROVIDERS);
export const TrainingMethodEnum = storedEnum('TrainingMethod', 'How a model is trained.', METHODS);
export const DatasetFormatEnum = storedEnum(
  'TrainingDatasetFormat',
  'How the lines of a JSONL dataset are laid out.',
  DATASET_FORMATS,
);

export const OrderDirection = builder.enumType('OrderDirection', {
  description: 'Which end of an order comes first.',
  values: {
    ASC: { value: 'asc', description: 'Oldest, or smallest, first.' },
    DESC: { value: 'desc', description: 'Newest, or largest, first.' },
  } as const,
});

export const TrainingOrderField = builder.enumType('TrainingOrderField', {
  description: 'What to order by; equal moments are told apart by id, so pages never overlap.',
  values: {
    CREATED_AT: { value: 'createdAt', description: 'When it was made. An index serves it.' },
    UPDATED_AT: {
      value: 'updatedAt',
      description: 'When it last changed. It moves while you page, so a row may be met twice or not at all.',
    },
  } as const,
});

export const TrainingOrder = builder.inputType('TrainingOrder', {
  description: 'The order of a list.',
  fields: (t) => ({
    field: t.field({
      type: TrainingOrderField,
      required: true,
      defaultValue: 'createdAt',
      description: 'What to order by.',
    }),
    direction: t.field({
      type: OrderDirection,
      required: true,
      defaultValue: 'desc',
      description: 'Which end comes first.',
    }),
  }),
});

type Order = { field: 'createdAt' | 'updatedAt'; direction: 'asc' | 'desc' };

/** An order for Prisma, with the id as the unique tie-breaker. Default: newest first. */
export function orderBy(order: Order | null | undefined) {
  const { field, direction } = order ?? { field: 'createdAt', direction: 'desc' };
  return [{ [field]: direction }, { id: direction }];
}
