import { orderInput } from '../../graphql/order.ts';
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

export const TrainingOrder = orderInput('Training', {
  createdAt: 'When it was made. An index serves it.',
  updatedAt: 'When it last changed. It moves while you page, so a row may be met twice or not at all.',
});
