import { orderInput } from '../../graphql/order.ts';
import { storedEnum } from '../../graphql/stored-enum.ts';
import { SEVERITIES, TELEMETRY_TYPES } from './vocabulary.ts';

export const TelemetryTypeEnum = storedEnum(
  'TelemetryType',
  'What a telemetry event tells.',
  TELEMETRY_TYPES,
);
export const SeverityEnum = storedEnum('ErrorSeverity', 'How much an error hinders people.', SEVERITIES);

export const TelemetryEventOrder = orderInput('TelemetryEvent', { timestamp: 'When it happened.' });
export const ErrorLogOrder = orderInput('ErrorLog', { timestamp: 'When it happened.' });
export const PerformanceMetricOrder = orderInput('PerformanceMetric', { timestamp: 'When it was measured.' });
