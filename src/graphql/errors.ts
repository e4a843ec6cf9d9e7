import { GraphQLError } from 'graphql';
import { messageOf } from '../platform/errors.ts';

/**
 * The one catalogue of expected failures. Mutations return them as data; queries and subscriptions, whose types
 * have no room for them, as GraphQL errors with the same code in `extensions.code`; REST by a status each.
 * Codes are a promise to clients: new ones may come, these never change.
 */
export const ERROR_CODES = {
  UNAUTHENTICATED: 'No token was sent, or it names no user.',
  FORBIDDEN: 'The caller may see the thing but not do this to it.',
  NOT_FOUND: 'There is no such thing, or it is somebody else’s: both are the same answer.',
  VALIDATION_FAILED: 'The input is wrong; `fields` names every faulty field at once.',
  CONFLICT: 'Something that exists already stands in the way.',
  PROVIDER_UNAVAILABLE:
    'The provider is not configured, not built yet or not reachable; nothing was written.',
  NOT_CONFIGURED: 'This server lacks a setting for this; nothing was written.',
  EXECUTION_ENDED: 'The execution has ended: its status, progress, error, logs and events stay as they are.',
  EXECUTION_NOT_ENDED: 'The execution has not ended yet, so it cannot be run again.',
  LIMIT_REACHED: 'As many runs wait as may, or runs have started each other too deep; nothing was written.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export type ErrorDetails = {
  /** Where in the arguments the fault is, e.g. `['input', 'publicId']`. */
  path?: readonly string[];
  /** What the caller can do about it, as a sentence. */
  remedy?: string;
};

/** A failure that callers are told about in full. */
export class ExpectedError extends Error {
  readonly code: ErrorCode;
  readonly path: readonly string[] | null;
  readonly remedy: string | null;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.path = details.path ?? null;
    this.remedy = details.remedy ?? null;
  }
}

export class UnauthenticatedError extends ExpectedError {
  constructor(message = 'This needs a token of a user.', details: ErrorDetails = {}) {
    super('UNAUTHENTICATED', message, {
      remedy: 'Send the header Authorization: Bearer <token>.',
      ...details,
    });
  }
}

export class ForbiddenError extends ExpectedError {
  constructor(message: string, details?: ErrorDetails) {
    super('FORBIDDEN', message, details);
  }
}

export class NotFoundError extends ExpectedError {
  /** @param thing what was looked for, e.g. `training config`; @param id as the caller named it */
  constructor(thing: string, id: string, details?: ErrorDetails) {
    super('NOT_FOUND', `There is no ${thing} ${JSON.stringify(id)} that you may see.`, details);
  }
}

export type FieldFault = { path: readonly string[]; message: string };

export class ValidationError extends ExpectedError {
  readonly fields: readonly FieldFault[];

  constructor(fields: readonly FieldFault[]) {
    const all = fields.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ');
    super('VALIDATION_FAILED', `The input is not valid: ${all}.`, fields[0] && { path: fields[0].path });
    this.fields = fields;
  }
}

export class ConflictError extends ExpectedError {
  constructor(message: string, details?: ErrorDetails) {
    super('CONFLICT', message, details);
  }
}

export class ProviderUnavailableError extends ExpectedError {
  readonly provider: string;

  constructor(provider: string, reason: string, details?: ErrorDetails) {
    super('PROVIDER_UNAVAILABLE', `The provider ${provider} cannot run this: ${reason}`, details);
    this.provider = provider;
  }
}

export class NotConfiguredError extends ExpectedError {
  /** The name of the setting, as .env.example has it. */
  readonly setting: string;

  constructor(setting: string, message: string) {
    super('NOT_CONFIGURED', message, { remedy: `An operator sets ${setting}.` });
    this.setting = setting;
  }
}

export class ExecutionEndedError extends ExpectedError {
  constructor(id: string) {
    super('EXECUTION_ENDED', `The execution ${id} has ended.`, {
      remedy: 'To run it again, retry it: that starts a new execution which names this one.',
    });
  }
}

export class ExecutionNotEndedError extends ExpectedError {
  constructor(id: string) {
    super('EXECUTION_NOT_ENDED', `The execution ${id} has not ended yet.`, {
      remedy: 'Cancel it first, or wait for its end.',
    });
  }
}

export class LimitReachedError extends ExpectedError {
  constructor(message: string, details?: ErrorDetails) {
    super('LIMIT_REACHED', message, details);
  }
}

/** An expected failure as a GraphQL error, for fields whose type has no room for it. */
export function graphqlError(error: ExpectedError): GraphQLError {
  const { code, remedy, message } = error;
  const fields = error instanceof ValidationError && { fields: error.fields };
  return new GraphQLError(message, { extensions: { code, ...(remedy && { remedy }), ...fields } });
}

/** Whatever was thrown, as executions carry it: what it was made of stays with it, for the mask to judge. */
export function asGraphqlError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  return new GraphQLError(messageOf(error), { originalError: error instanceof Error ? error : null });
}

/** An argument that no client written against the schema sends, such as `first: 1000`. */
export function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}
