import { builder } from './builder.ts';
import {
  ConflictError,
  ERROR_CODES,
  type ErrorCode,
  ExecutionEndedError,
  ExecutionNotEndedError,
  type ExpectedError,
  type FieldFault,
  ForbiddenError,
  LimitReachedError,
  NotConfiguredError,
  NotFoundError,
  ProviderUnavailableError,
  UnauthenticatedError,
  ValidationError,
} from './errors.ts';

const ErrorCodeEnum = builder.enumType('ErrorCode', {
  description: 'What went wrong, for programs. Codes never change their meaning; new ones may be added.',
  values: Object.fromEntries(
    Object.entries(ERROR_CODES).map(([code, description]) => [
      code,
      { value: code as ErrorCode, description },
    ]),
  ),
});

const ErrorInterface = builder.interfaceRef<ExpectedError>('Error').implement({
  description:
    'An expected failure, returned as data. Everything unexpected is in the response’s `errors`, masked.',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCodeEnum, description: 'What went wrong, for programs.' }),
    message: t.exposeString('message', {
      description: 'What went wrong, for people: one sentence, in English.',
    }),
    path: t.expose('path', {
      type: ['String'],
      nullable: true,
      description: 'Which argument is at fault, e.g. ["input", "publicId"]; null where none is.',
    }),
    remedy: t.exposeString('remedy', {
      nullable: true,
      description: 'What to do about it, where that is known.',
    }),
  }),
});

export const FieldFaultRef = builder.objectRef<FieldFault>('FieldFault').implement({
  description: 'One faulty field of an input.',
  fields: (t) => ({
    path: t.field({
      type: ['String'],
      description: 'Where it is, from the argument down, e.g. ["input", "config", "epochs"].',
      resolve: (fault) => [...fault.path],
    }),
    message: t.exposeString('message', { description: 'What it must be.' }),
  }),
});

const interfaces = [ErrorInterface];

builder.objectType(UnauthenticatedError, {
  name: 'UnauthenticatedError',
  description: ERROR_CODES.UNAUTHENTICATED,
  interfaces,
});
builder.objectType(ForbiddenError, {
  name: 'ForbiddenError',
  description: ERROR_CODES.FORBIDDEN,
  interfaces,
});
builder.objectType(NotFoundError, { name: 'NotFoundError', description: ERROR_CODES.NOT_FOUND, interfaces });
builder.objectType(ValidationError, {
  name: 'ValidationError',
  description: ERROR_CODES.VALIDATION_FAILED,
  interfaces,
  fields: (t) => ({
    fields: t.field({
      type: [FieldFaultRef],
      description: 'Every faulty field.',
      resolve: (error) => [...error.fields],
    }),
  }),
});
builder.objectType(ConflictError, { name: 'ConflictError', description: ERROR_CODES.CONFLICT, interfaces });
builder.objectType(ProviderUnavailableError, {
  name: 'ProviderUnavailableError',
  description: ERROR_CODES.PROVIDER_UNAVAILABLE,
  interfaces,
  fields: (t) => ({
    provider: t.exposeString('provider', {
      description: 'The provider asked for, as it is stored, e.g. openai.',
    }),
  }),
});
builder.objectType(NotConfiguredError, {
  name: 'NotConfiguredError',
  description: ERROR_CODES.NOT_CONFIGURED,
  interfaces,
  fields: (t) => ({
    setting: t.exposeString('setting', { description: 'The setting that is missing, e.g. SECRETS_KEY.' }),
  }),
});
builder.objectType(ExecutionEndedError, {
  name: 'ExecutionEndedError',
  description: ERROR_CODES.EXECUTION_ENDED,
  interfaces,
});
builder.objectType(ExecutionNotEndedError, {
  name: 'ExecutionNotEndedError',
  description: ERROR_CODES.EXECUTION_NOT_ENDED,
  interfaces,
});
builder.objectType(LimitReachedError, {
  name: 'LimitReachedError',
  description: ERROR_CODES.LIMIT_REACHED,
  interfaces,
});
