import type { OperationContext } from '../../graphql/context.ts';
import { LiveSource } from '../../graphql/live/source.ts';
import { type ExecutionFilter, whereExecution } from './filter.ts';
import { type ChangedRun, knownRuns, RunsFeed } from './runs-feed.ts';

type Source = Pick<OperationContext, 'identity' | 'viewerDb' | 'live'>;
type Options = {
  filter: ExecutionFilter | null | undefined;
  minGapMs: number;
  /** Whether runs that were deleted are named as well, when they matched. */
  namesDeleted: boolean;
};

/** Names each run of the caller's that has changed and matches the filter, or did before. */
export async function followRuns(
  { identity, viewerDb, live }: Source,
  userId: string,
  { filter, minGapMs, namesDeleted }: Options,
): Promise<LiveSource<ChangedRun>> {
  const asked = { viewerDb, userId, where: whereExecution(filter), namesDeleted };
  const known = await knownRuns({ ...asked, viewer: identity });
  return new LiveSource({
    kind: 'states',
    key: `runs ${userId} ${minGapMs} ${namesDeleted} ${JSON.stringify(filter ?? {})}`,
    minGapMs,
    open: (viewer) => new RunsFeed({ ...asked, viewer, live, known }),
    // Their owner sees them, and each look is under the owner's claims.
    watch: () => () => undefined,
  });
}
