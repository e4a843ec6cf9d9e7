import { StartupError } from '../../errors.ts';
import type { MigrationFile } from './files.ts';
import type { Ledger } from './ledger.ts';
import { inWords, madeBy, type ObjectName } from './objects.ts';

export type FileState =
  /** Recorded by us, unchanged since. */
  | 'applied'
  /** Recorded by us, and the file has another checksum now. */
  | 'changed'
  /** Recorded by us, and all its tables are gone: guide 1's rollback by hand, say. Is applied again. */
  | 'gone'
  /** Not recorded by us and all it makes is there: psql or the Supabase CLI applied it. */
  | 'adoptable'
  /** Not recorded by us, and some of what it makes is there. */
  | 'partial'
  | 'pending';

export type Assessed = {
  file: MigrationFile;
  state: FileState;
  present: ObjectName[];
  missing: ObjectName[];
};

export type Assessment = {
  files: Assessed[];
  /** Versions of ours that no file of this program has. */
  unknown: string[];
};

/** Compares the files with what the ledger says and with what is there. */
export function assess(files: MigrationFile[], ledger: Ledger, objects: Set<ObjectName>): Assessment {
  const known = new Set(files.map((file) => file.version));
  return {
    files: files.map((file) => assessFile(file, ledger, objects)),
    unknown: [...ledger.checksums.keys()].filter((version) => !known.has(version)).sort(),
  };
}

function assessFile(file: MigrationFile, ledger: Ledger, objects: Set<ObjectName>): Assessed {
  const made = madeBy(file.statements, 'plain');
  const present = made.objects.filter((object) => objects.has(object));
  const missing = made.objects.filter((object) => !objects.has(object));
  const recorded = ledger.checksums.get(file.version);
  const isInLedger = ledger.versions.has(file.version);
  const state = (): FileState => {
    if (recorded) {
      if (recorded.checksum !== file.checksum) return 'changed';
      if (made.tables.length > 0 && made.tables.every((table) => !objects.has(`table ${table}`)))
        return 'gone';
      return isInLedger ? 'applied' : 'adoptable';
    }
    if (made.objects.length === 0) return isInLedger ? 'adoptable' : 'pending';
    if (present.length === 0) return 'pending';
    return missing.length === 0 ? 'adoptable' : 'partial';
  };
  return { file, state: state(), present, missing };
}

/** @throws {StartupError} where the program must not touch this database */
export function refuseUnfit({ files, unknown }: Assessment): void {
  if (unknown.length > 0) throw newerThanProgram(unknown);
  for (const { file, state, present, missing } of files) {
    if (state === 'changed') {
      throw new StartupError(
        `${file.file} was changed after it was applied: restore the file as it was and put the change into a new migration.`,
      );
    }
    if (state === 'partial') {
      throw new StartupError(
        `${file.file} is applied in part: there is ${inWords(present)}, but not ${inWords(missing)}; add by hand what is missing, or drop what is there, and run this again.`,
      );
    }
  }
}

function newerThanProgram(versions: string[]): StartupError {
  return new StartupError(
    `The database is newer than the program: it has the ${versions.length > 1 ? 'migrations' : 'migration'} ${versions.join(', ')}, which this version of Runcast does not know; start the version that applied ${versions.length > 1 ? 'them' : 'it'}, or a later one.`,
  );
}
