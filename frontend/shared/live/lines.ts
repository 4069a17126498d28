// Merging pages of log lines: each line once, in order, and what was lost said where it is missing.
// Lines order by (at, stream, seq), as the server's pages do. No React, no fetching.
import type { Gap, LinePage, LineView } from "../api/types";

export interface Lines {
  readonly lines: readonly LineView[];
  readonly gaps: readonly Gap[];
  readonly cursor: string | null;
  /** Older lines exist on the server (unread yet, or dropped here to stay within the cap). */
  readonly hasOlder: boolean;
  readonly seen: ReadonlyMap<string, ReadonlySet<number>>;
}

export type LineRow = { kind: "line"; line: LineView } | { kind: "gap"; gap: Gap };

export const CAP = 100_000;

export const nothing: Lines = { lines: [], gaps: [], cursor: null, hasOlder: true, seen: new Map() };

/** The page that reads on from `cursor`. Lines already here are not added again. */
export function readOn(kept: Lines, page: LinePage, cap = CAP): Lines {
  const merged = merge(kept, page);
  const trimmed = trim(merged, cap);
  return { ...trimmed, cursor: page.cursor || kept.cursor };
}

/** A page of older lines, scrolled back to; `cursor` stays where reading on goes from. */
export function readBack(kept: Lines, page: LinePage): Lines {
  return { ...merge(kept, page), cursor: kept.cursor, hasOlder: page.more };
}

/** Lines with gap markers between them: a gap stands before its stream's first line after it. */
export function rowsOf({ lines, gaps }: Pick<Lines, "lines" | "gaps">): LineRow[] {
  const open = new Map<string, Gap[]>();
  for (const gap of [...gaps].sort((a, b) => a.first - b.first)) {
    open.set(gap.stream, [...(open.get(gap.stream) ?? []), gap]);
  }
  const rows: LineRow[] = [];
  for (const line of lines) {
    const due = open.get(line.stream);
    while (due?.[0] && due[0].last < line.seq) rows.push({ kind: "gap", gap: due.shift()! });
    rows.push({ kind: "line", line });
  }
  for (const rest of open.values()) for (const gap of rest) rows.push({ kind: "gap", gap });
  return rows;
}

export function compareLines(a: LineView, b: LineView): number {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1;
  if (a.stream !== b.stream) return a.stream < b.stream ? -1 : 1;
  return a.seq - b.seq;
}

function merge(kept: Lines, page: LinePage): Lines {
  const seen = new Map<string, Set<number>>(kept.seen as Map<string, Set<number>>);
  const fresh: LineView[] = [];
  for (const line of page.lines) {
    let stream = seen.get(line.stream);
    if (stream?.has(line.seq)) continue;
    if (!stream) {
      stream = new Set();
      seen.set(line.stream, stream);
    }
    stream.add(line.seq);
    fresh.push(line);
  }
  return {
    lines: fresh.length ? interleave(kept.lines, fresh.sort(compareLines)) : kept.lines,
    gaps: page.gaps.length ? joinGaps([...kept.gaps, ...page.gaps]) : kept.gaps,
    cursor: kept.cursor,
    hasOlder: kept.hasOlder,
    seen,
  };
}

/** Two ordered lists as one. Nearly always the fresh lines simply follow or precede. */
function interleave(kept: readonly LineView[], fresh: readonly LineView[]): LineView[] {
  const last = kept.at(-1);
  if (!last || compareLines(last, fresh[0]!) < 0) return [...kept, ...fresh];
  if (compareLines(fresh.at(-1)!, kept[0]!) < 0) return [...fresh, ...kept];
  const merged: LineView[] = [];
  let at = 0;
  for (const line of fresh) {
    while (at < kept.length && compareLines(kept[at]!, line) < 0) merged.push(kept[at++]!);
    merged.push(line);
  }
  while (at < kept.length) merged.push(kept[at++]!);
  return merged;
}

/** Overlapping and touching gaps of a stream as one. */
export function joinGaps(gaps: readonly Gap[]): Gap[] {
  const ordered = [...gaps].sort((a, b) =>
    a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : a.first - b.first,
  );
  const joined: Gap[] = [];
  for (const gap of ordered) {
    const last = joined.at(-1);
    if (last && last.stream === gap.stream && gap.first <= last.last + 1) {
      joined[joined.length - 1] = { ...last, last: Math.max(last.last, gap.last) };
    } else joined.push(gap);
  }
  return joined;
}

function trim(kept: Lines, cap: number): Lines {
  if (kept.lines.length <= cap) return kept;
  const cut = kept.lines.length - cap + Math.floor(cap / 20); // a little more, so that not every page cuts
  const dropped = kept.lines.slice(0, cut);
  const seen = kept.seen as Map<string, Set<number>>;
  for (const line of dropped) seen.get(line.stream)?.delete(line.seq);
  return { ...kept, lines: kept.lines.slice(cut), hasOlder: true };
}
