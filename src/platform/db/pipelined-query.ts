import type { Connection, Submittable } from 'pg';
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

  submit(connection: Connection): void {
    connection.stream.cork();
    try {
      for (const name of this.#close) connection.close({ type: 'S', name }, true);
      for (const step of this.#steps) this.#write(connection, step);
      connection.sync();
    } finally {
      connection.stream.uncork();
    }
  }

  #write(connection: Connection, step: Step): void {
    const { statement, values } = step;
    const { name, text } = statement;
    if (!statement.prepared) connection.parse({ name, text, types: [] }, true);
    connection.bind({ portal: '', statement: name, values: [...values] }, true);
    if (step === this.#last && !statement.columns) connection.describe({ type: 'P', name: '' }, true);
    connection.execute({ portal: '' }, true);
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
