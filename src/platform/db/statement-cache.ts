/** A column of a result: its name and its type's object id. */
export type Column = { name: string; oid: number };

/** A statement as one connection knows it. `name` is empty where the connection is not to keep it. */
export type Statement = {
  readonly name: string;
  readonly text: string;
  /** Whether the server has parsed it; set once a pipeline with it has succeeded. */
  prepared: boolean;
  /** Known once it ran, so that it need not be described again. */
  columns?: readonly Column[];
};

/** One prepared statement costs the server some 10 to 50 KB, so this bounds a connection at a few MB. */
const CAPACITY = 100;
/** Longer texts are almost always lists of values that never come again. */
const LONGEST_KEPT = 10_000;

/**
 * The prepared statements of one connection, the least recently used given up first: callers choose their queries
 * freely, so their variety has no bound of its own.
 */
export class StatementCache {
  readonly #kept = new Map<string, Statement>();
  #lastNumber = 0;
  #toClose: string[] = [];

  /** The statement for a text, most recently used from now on. */
  use(text: string): Statement {
    if (text.length > LONGEST_KEPT) return { name: '', text, prepared: false };
    const known = this.#kept.get(text);
    if (known) this.#kept.delete(text);
    this.#lastNumber += known ? 0 : 1;
    const statement = known ?? { name: `s${this.#lastNumber}`, text, prepared: false };
    this.#kept.set(text, statement);
    if (this.#kept.size > CAPACITY) this.#forgetOldest();
    return statement;
  }

  /** Gives a statement up: after an error it is not known whether the server has it, or still as it was. */
  forget(statement: Statement): void {
    if (this.#kept.get(statement.text) === statement) this.#kept.delete(statement.text);
    if (statement.name) this.#toClose.push(statement.name);
  }

  /** Names to close on the server with the next write; closing one that it does not have is no error. */
  takeClosable(): string[] {
    const names = this.#toClose;
    if (names.length > 0) this.#toClose = [];
    return names;
  }

  get size(): number {
    return this.#kept.size;
  }

  #forgetOldest(): void {
    for (const oldest of this.#kept.values()) {
      this.forget(oldest);
      return;
    }
  }
}
