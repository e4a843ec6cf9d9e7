import { type Logger, pino } from 'pino';

export type { Logger };

export const logLevels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Fields that may hold a secret: their values never reach the log, whoever hands them over. */
const SECRET_FIELDS = [
  'authorization',
  'password',
  'token',
  'secret',
  'connectionString',
  'databaseUrl',
  'redisUrl',
];

/** JSON lines on stderr, one per entry, so that stdout stays for what a command was asked to print. */
export function createLogger(level: LogLevel): Logger {
  const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
  return pino({ level, redact: { paths, censor: '[secret]' } }, pino.destination({ fd: 2, sync: true }));
}
