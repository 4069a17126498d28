// A build's lines, page after page: each page follows the cursor of the one before.
import type { BuildLine, BuildLinePage } from "@shared/api/types";

export interface BuildLog {
  lines: readonly BuildLine[];
  cursor: string;
  done: boolean;
}

export const noBuildLog: BuildLog = { lines: [], cursor: "", done: false };

/** Reads on from what is there until nothing more is: one page does not hold a long log. */
export async function readOn(
  log: BuildLog,
  read: (after: string) => Promise<BuildLinePage>,
): Promise<BuildLog> {
  let { lines, cursor } = log;
  for (;;) {
    const page = await read(cursor);
    if (page.lines.length > 0) lines = [...lines, ...page.lines];
    cursor = page.cursor || cursor;
    if (page.done || page.lines.length === 0) return { lines, cursor, done: page.done };
  }
}
