import { type GraphqlError, type RuncastError, refusalOf } from './errors.ts';

/** What carries operations between a client and its server. */
export type Transport = {
  /** Starts an operation as soon as the gate lets it. @returns how to leave; the sink hears nothing more then */
  subscribe(operation: Operation, sink: Sink): () => void;
  /** What still runs fails with `error`. */
  close(error: RuncastError): void;
};

export type Operation = {
  query: string;
  /** Asked for when the operation is sent, which may be long after it was subscribed. */
  variables(): Record<string, unknown>;
};

/** Who hears of an operation: `open`, then data, and one of the other two as the last, which may also be the first. */
export type Sink = {
  /** It is on its way over a connection that stands. */
  open(): void;
  next(data: Data): void;
  /** The server says that this was all. */
  complete(): void;
  failed(error: RuncastError): void;
};

export type Data = Record<string, unknown>;

/** Told of each attempt to connect: whether anything answered that speaks the protocol. */
export type OnOutcome = (outcome: 'connected' | 'refused') => void;

export type Result = { data?: Data | null | undefined; errors?: readonly GraphqlError[] | undefined };

/** What a result says, or what went wrong: what it holds beside its errors is of no use to a watch. */
export function dataOf({ data, errors }: Result): Data | RuncastError {
  return errors || !data ? refusalOf(errors ?? []) : data;
}
