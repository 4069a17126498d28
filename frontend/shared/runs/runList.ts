// The runs table's list: pages back in time, and newer runs that wait until someone asks to see them.
import type { RunPage, RunSummary } from "../api/types";

export interface RunList {
  readonly runs: readonly RunSummary[];
  /** Newer than the first shown; shown only when asked, so that nothing moves under the cursor. */
  readonly fresh: readonly RunSummary[];
  readonly next: string | null;
}

export const first = (page: RunPage): RunList => ({ runs: page.runs, fresh: [], next: page.next });

export function older(list: RunList, page: RunPage): RunList {
  const shown = new Set(list.runs.map((run) => run.id));
  return { ...list, runs: [...list.runs, ...page.runs.filter((run) => !shown.has(run.id))], next: page.next };
}

/** The newest page read again: what is shown changes in place, what is not waits in `fresh`. */
export function newest(list: RunList, page: RunPage): RunList {
  const now = new Map(page.runs.map((run) => [run.id, run]));
  const shown = new Set(list.runs.map((run) => run.id));
  const update = (run: RunSummary) => now.get(run.id) ?? run;
  const arrived = page.runs.filter((run) => !shown.has(run.id));
  const arrivedIds = new Set(arrived.map((run) => run.id));
  return {
    ...list,
    runs: list.runs.map(update),
    fresh: [...arrived, ...list.fresh.filter((run) => !arrivedIds.has(run.id))],
  };
}

export function showFresh(list: RunList): RunList {
  return { ...list, runs: [...list.fresh, ...list.runs], fresh: [] };
}
