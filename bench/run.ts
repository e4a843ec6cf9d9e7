import { loadavg } from 'node:os';
import { fanout } from './fanout.ts';
import { identity } from './identity.ts';
import { ingest } from './ingest.ts';
import { peers } from './peers.ts';
import { spread } from './spread.ts';
import { printTable, type Table } from './table.ts';
import { usage } from './usage.ts';
import { workflows } from './workflows.ts';

/** Every bench by its name; `npm run bench -- identity` runs one of them. */
const benches: Record<string, () => Promise<Table>> = {
  identity,
  peers,
  fanout,
  spread,
  ingest,
  usage,
  workflows,
};

const wanted = process.argv.slice(2);
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const before = load();
  printTable(await bench(), `load average before ${before}, after ${load()}`);
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}
