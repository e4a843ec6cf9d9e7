import { identity } from './identity.ts';

export type Measurement = { name: string; value: number; unit: string; note?: string };

/** Every bench by its name; `npm run bench -- identity` runs one of them. */
const benches: Record<string, () => Promise<Measurement[]>> = { identity };

const wanted = process.argv.slice(2);
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n${name}`);
  const measurements = await bench();
  const width = Math.max(...measurements.map((measurement) => measurement.name.length));
  for (const { name: what, value, unit, note } of measurements) {
    const figure = value >= 100 ? value.toFixed(0) : value.toFixed(1);
    console.log(`  ${what.padEnd(width)}  ${figure.padStart(8)} ${unit}${note ? `  (${note})` : ''}`);
  }
}
