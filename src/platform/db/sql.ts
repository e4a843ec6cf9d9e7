/** Anything that runs parameterised SQL: a leased connection, a transaction, a test's client. */
export interface Sql {
  /** @throws the driver's error, with the SQLSTATE as its `code` */
  query<Row>(text: string, values?: unknown[]): Promise<Row[]>;
}
