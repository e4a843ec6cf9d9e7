import { DriverAdapterError, type MappedError } from '@prisma/driver-adapter-utils';
import { DatabaseError } from 'pg';
import { codeOf, messageOf } from '../errors.ts';

/** Why a statement never reached Postgres, or what became of its connection; `code` is stable. */
export class ViewerError extends Error {
  readonly code: 'NO_VIEWER' | 'VIEWER_GONE' | 'IN_TRANSACTION' | 'TRANSACTION_OVER' | 'CANCELLED' | 'CLOSED';

  constructor(code: ViewerError['code'], sentence: string) {
    super(sentence);
    this.name = 'ViewerError';
    this.code = code;
  }
}

/** The connection ended while a statement ran or its transaction was open. */
export class ConnectionLostError extends Error {
  /** SQLSTATE connection_failure. */
  readonly code = '08006';

  constructor(cause?: unknown) {
    super('The connection to the database was lost.', { cause });
    this.name = 'ConnectionLostError';
  }
}

/** Class 08 and those of a server that stops, starts or is full, and of sockets and names. */
const OUTAGES = /^(08\w{3}|57P0[1-3]|53300|ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/** Whether the database was not there to answer: what is asked again later may be answered. */
export function isOutage(thrown: unknown): boolean {
  return OUTAGES.test(codeOf(thrown) ?? '');
}

/**
 * The same failure as Prisma expects it from an adapter. The SQLSTATE stays readable as `originalCode`. Everything is
 * given a kind: what has none Prisma keeps in a list for ever, one entry an error.
 */
export function driverError(thrown: unknown): DriverAdapterError {
  if (thrown instanceof DriverAdapterError) return thrown;
  const originalCode = codeOf(thrown) ?? 'N/A';
  const mapped =
    thrown instanceof DatabaseError ? databaseFailure(thrown) : otherFailure(thrown, originalCode);
  return new DriverAdapterError({ originalCode, originalMessage: messageOf(thrown), ...mapped });
}

function databaseFailure(error: DatabaseError): MappedError {
  const { message } = error;
  switch (error.code) {
    case '22001':
      return { kind: 'LengthMismatch', ...(error.column && { column: error.column }) };
    case '22003':
      return { kind: 'ValueOutOfRange', cause: message };
    case '22P02':
      return { kind: 'InvalidInputValue', message };
    case '23001':
      return { kind: 'RestrictViolation', ...constraint(error) };
    case '23502':
      return {
        kind: 'NullConstraintViolation',
        ...(error.column && { constraint: { fields: [error.column] } }),
      };
    case '23503':
      return { kind: 'ForeignKeyConstraintViolation', ...constraint(error) };
    case '23505':
      return {
        kind: 'UniqueConstraintViolation',
        ...constraint(error),
        ...(error.table && { table: error.table }),
      };
    case '28000':
      return { kind: 'DatabaseAccessDenied' };
    case '28P01':
      return { kind: 'AuthenticationFailed', user: quoted(message) };
    case '3D000':
      return { kind: 'DatabaseDoesNotExist', db: quoted(message) };
    case '40001':
    case '40P01':
      return { kind: 'TransactionWriteConflict' };
    case '42703':
      return { kind: 'ColumnNotFound', column: quoted(message) };
    case '42P01':
      return { kind: 'TableDoesNotExist', table: quoted(message) };
    case '53300':
      return { kind: 'TooManyConnections', cause: message };
    default:
      return asPostgres(error.code ?? 'N/A', message, error);
  }
}

function otherFailure(thrown: unknown, code: string): MappedError {
  switch (code) {
    case 'ENOTFOUND':
    case 'ECONNREFUSED':
      return { kind: 'DatabaseNotReachable' };
    case 'ETIMEDOUT':
      return { kind: 'SocketTimeout' };
    case 'ECONNRESET':
    case 'EPIPE':
    case '08006':
      return { kind: 'ConnectionClosed' };
    default:
      return asPostgres(code, messageOf(thrown));
  }
}

function asPostgres(code: string, message: string, error?: DatabaseError): MappedError {
  const { severity = 'ERROR', detail, column, hint } = error ?? {};
  return { kind: 'postgres', code, message, severity, detail, column, hint };
}

function constraint(error: DatabaseError): { constraint?: { index: string } } {
  return error.constraint ? { constraint: { index: error.constraint } } : {};
}

/** The first name in quotes, as in `relation "runs" does not exist`. */
function quoted(message: string): string {
  return /"([^"]*)"/.exec(message)?.[1] ?? '';
}
