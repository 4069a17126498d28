// Build lines by sequence: each once, in order, whatever was read twice.
import type { BuildLine, BuildLinePage } from "@shared/api/types";

export interface BuildLog {
  lines: readonly BuildLine[];
  cursor: number;
  done: boolean;
}

export const noBuildLog: BuildLog = { lines: [], cursor: 0, done: false };

export function addLines(log: BuildLog, page: BuildLinePage): BuildLog {
  const fresh = page.lines.filter((line) => line.seq > log.cursor).sort((a, b) => a.seq - b.seq);
  const cursor = Math.max(log.cursor, page.cursor ?? 0, fresh.at(-1)?.seq ?? 0);
  return { lines: fresh.length ? [...log.lines, ...fresh] : log.lines, cursor, done: page.done };
}
