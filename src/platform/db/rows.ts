import type { Statement } from './connection.ts';
import type { PipelineResult } from './pipelined-query.ts';
import type { ReadModel } from './read-model.ts';
import { countStatement, type Select, type SelectedRow, selectedRows, selectStatement } from './select.ts';

/** Rows of a model as a list asks for them, by one hand-made SELECT instead of Prisma's engine. */
export type Rows = {
  /** @throws {DatabaseError} whose `code` is the SQLSTATE */
  select(select: Select): Promise<SelectedRow[]>;
  /** How many there are, in all under `''` or for each value of `per`; a value without any is left out. */
  count(what: Pick<Select, 'model' | 'where' | 'per'>): Promise<Map<string, number>>;
};

export function createRows(
  models: ReadonlyMap<string, ReadModel>,
  run: (statement: Statement) => Promise<PipelineResult>,
): Rows {
  function modelNamed(name: string): ReadModel {
    const model = models.get(name);
    if (!model) throw new Error(`There is no model ${name}.`);
    return model;
  }

  return {
    async select(select) {
      const model = modelNamed(select.model);
      return selectedRows(model, select, await run(selectStatement(model, select)));
    },
    async count(what) {
      const { rows } = await run(countStatement(modelNamed(what.model), what));
      return new Map(rows.map(([of, count]) => [of ?? '', Number(count)]));
    },
  };
}
