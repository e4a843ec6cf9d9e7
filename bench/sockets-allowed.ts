/** Files, pipes and connections of a process beside the sockets that a bench opens. */
const OTHERS = 200;

type UserLimits = { userLimits?: { open_files?: { hard: number | 'unlimited' } } };

/**
 * Node raises the number of open files to what the system lets it, so only that limit stands in the way.
 *
 * @throws with the remedy where a process may not hold so many sockets
 */
export function assertSocketsAllowed(sockets: number): void {
  const { userLimits } = process.report.getReport() as UserLimits;
  const hard = userLimits?.open_files?.hard ?? 'unlimited';
  if (hard === 'unlimited' || hard >= sockets + OTHERS) return;
  throw new Error(
    `${sockets} sockets need as many open files and ${OTHERS} more; this system allows ${hard}. ` +
      `Raise the hard limit (ulimit -Hn, LimitNOFILE or limits.conf), or measure fewer sockets: see bench/README.md.`,
  );
}
