import { loadavg } from 'node:os';
import { identity } from './identity.ts';

export type Table = { title: string; columns: readonly string[]; rows: readonly (readonly string[])[] };

/** Every bench by its name; `npm run bench -- identity` runs one of them. */
const benches: Record<string, () => Promise<Table>> = { identity };

const wanted = process.argv.slice(2);
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const before = load();
  print(await bench(), `load average before ${before}, after ${load()}`);
}

function print({ title, columns, rows }: Table, note: string): void {
  const widths = columns.map((_, at) => Math.max(...[columns, ...rows].map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)));
  console.log(`\n${title}\n`);
  for (const row of [columns, ...rows]) console.log(`  ${line(row).join('  ')}`);
  console.log(`\n  ${note}`);
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}
