export type Table = { title: string; columns: readonly string[]; rows: readonly (readonly string[])[] };

/** Names to the left, figures to the right, and a note below. */
export function printTable({ title, columns, rows }: Table, note: string): void {
  const widths = columns.map((_, at) => Math.max(...[columns, ...rows].map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)));
  console.log(`\n${title}\n`);
  for (const row of [columns, ...rows]) console.log(`  ${line(row).join('  ')}`);
  console.log(`\n  ${note}`);
}
