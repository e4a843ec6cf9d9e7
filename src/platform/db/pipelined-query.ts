import type { Connection, Submittable } from 'pg';
import { serialize } from 'pg-protocol';
import type { Column, Statement } from './statement-cache.ts';
import type { WireValue } from './wire-values.ts';

/** One statement of a pipeline with its parameters. */
export type Step = { statement: Statement; values: readonly WireValue[] };

export type PipelineResult = {
  columns: readonly Column[];
  /** Rows as Postgres wrote them, in text. */
  rows: (string | null)[][];
  /** The command tag, such as `SELECT 20` or `ROLLBACK`. */
  command: string;
  /** Rows returned or touched. */
  rowCount: number;
};

export type Outcome = { error: Error } | { result: PipelineResult };

/**
 * Several statements in one write with one Sync at the end: Postgres runs them as one transaction, unless one of them
 * is BEGIN. Only the last one's result is kept; the ones before it set role and claims. Implements the same interface
 * of `pg` as pg-cursor does, which calls the `handle…` methods as the answer arrives.
 */
export class PipelinedQuery implements Submittable {
  readonly #steps: readonly Step[];
  readonly #close: readonly string[];
  readonly #settle: (outcome: Outcome) => void;
  readonly #last: Step;
  #running = 0;
  #columns: readonly Column[];
  readonly #rows: (string | null)[][] = [];
  #command = '';

  /**
   * @param steps at least one
   * @param close names of prepared statements to give up
   * @param settle is told the outcome, once: on success when the server is ready again, on an error before that
   */
  constructor(
    steps: readonly [Step, ...Step[]],
    close: readonly string[],
    settle: (outcome: Outcome) => void,
  ) {
    this.#steps = steps;
    this.#close = close;
    this.#settle = settle;
    this.#last = steps.at(-1) ?? steps[0];
    this.#columns = this.#last.statement.columns ?? [];
  }

  /** One buffer for it all: as separate writes, corked, the same messages cost a tenth of a request's CPU time. */
  submit(connection: Connection): void {
    const messages = this.#close.map((name) => serialize.close({ type: 'S', name }));
    for (const step of this.#steps) {
      const { statement, values } = step;
      const { name, text } = statement;
      if (!statement.prepared) messages.push(serialize.parse({ name, text }));
      messages.push(serialize.bind({ statement: name, values: [...values] }));
      if (step === this.#last && !statement.columns) messages.push(serialize.describe({ type: 'P' }));
      messages.push(serialize.execute());
    }
    messages.push(serialize.sync());
    connection.stream.write(Buffer.concat(messages));
  }

  handleRowDescription(message: { fields: { name: string; dataTypeID: number }[] }): void {
    this.#columns = message.fields.map(({ name, dataTypeID }) => ({ name, oid: dataTypeID }));
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    if (this.#running === this.#steps.length - 1) this.#rows.push(message.fields);
  }

  handleCommandComplete(message: { text: string }): void {
    this.#running += 1;
    this.#command = message.text;
  }

  handleEmptyQuery(): void {
    this.#running += 1;
  }

  handleReadyForQuery(): void {
    for (const { statement } of this.#steps) statement.prepared = statement.name !== '';
    if (this.#last.statement.prepared) this.#last.statement.columns = this.#columns;
    const count = Number(/ (\d+)$/.exec(this.#command)?.[1] ?? 0);
    const result = { columns: this.#columns, rows: this.#rows, command: this.#command, rowCount: count };
    this.#settle({ result });
  }

  handleError(error: Error): void {
    this.#settle({ error });
  }

  /** COPY needs a stream that nobody has here; ending the connection is the one way out that needs no more protocol. */
  handleCopyInResponse(connection: Connection): void {
    connection.stream.destroy(new Error('COPY FROM STDIN cannot be run here.'));
  }

  handleCopyData(): void {}
}
