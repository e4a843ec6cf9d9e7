import { createTable } from '../../graphql/table.ts';

const moments = { createdAt: 'moment', updatedAt: 'moment' } as const;

export const trainingExecutions = createTable('TrainingExecution', { id: 'text', orders: moments });
export const trainingConfigs = createTable('TrainingConfig', { orders: moments });
export const trainingDatasets = createTable('TrainingDataset', { orders: { createdAt: 'moment' } });
