import { createTable } from '../../graphql/table.ts';

const orders = { timestamp: 'moment' } as const;

export const telemetryEvents = createTable('TelemetryEvent', { orders });
export const errorLogs = createTable('ErrorLog', { orders });
export const performanceMetrics = createTable('PerformanceMetric', { orders });
