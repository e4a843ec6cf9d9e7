import { builder } from '../../graphql/builder.ts';
import { ExecutionEventRef } from './event-types.ts';

/** The types of `events` on every kind of execution. */
export const ExecutionEventConnection = builder.connectionObject(
  { type: ExecutionEventRef, name: 'ExecutionEventConnection', description: 'A page of events.' },
  { name: 'ExecutionEventEdge', description: 'An event with its place in the feed.' },
);

/** The types of `logs` on the executions of agents and workflows. */
export const ExecutionLogConnection = builder.connectionObject(
  { type: ExecutionEventRef, name: 'ExecutionLogConnection', description: 'A page of log lines.' },
  { name: 'ExecutionLogEdge', description: 'A log line with its place in the feed.' },
);
