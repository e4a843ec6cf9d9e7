import { readFileSync } from 'node:fs';

/**
 * `npm ci` refuses a lockfile that lacks the packages of another platform, and a registry may have only some of
 * them at the time of an upgrade; a recorded download address would tie the project to one registry.
 */
type Package = { resolved?: string; optionalDependencies?: Record<string, string> };

const lockfile = new URL('../package-lock.json', import.meta.url);
const packages: Record<string, Package> = JSON.parse(readFileSync(lockfile, 'utf8')).packages;

const faults = Object.entries(packages).flatMap(([path, entry]) => [
  ...(entry.resolved ? [`${path} records where it was downloaded from`] : []),
  ...Object.keys(entry.optionalDependencies ?? {})
    .filter((name) => !isLocked(path, name))
    .map((name) => `${path || 'the project'} wants ${name}, which has no entry`),
]);
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;

/** Whether `name` is found from `path` the way Node looks for it: beside the package, then ever further up. */
function isLocked(path: string, name: string): boolean {
  for (let base = path; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    if (`${base ? `${base}/` : ''}node_modules/${name}` in packages) return true;
    if (!base) return false;
  }
}
