import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { count } from "../design/format";
import { Button, cx } from "../design/parts";
import { Empty, Failure } from "../design/states";
import { Rows } from "../design/Waiting";
import { type LineRow, rowsOf } from "../live/lines";
import type { LineFilters } from "../runs/filters";
import { isLineFiltered } from "../runs/filters";
import { useFirstRun } from "../runs/firstRun";
import { usePlace } from "../shell/place";
import { Line } from "./Line";
import css from "./logs.module.css";
import { useLog } from "./useLog";

interface LogViewProps {
  filters: LineFilters;
  paused?: boolean;
  wrap?: boolean;
  /** An attempt whose lines are marked. */
  marked?: string | undefined;
  /** Pixels; else as high as its frame. */
  height?: number;
}

const ROW = 24; // as logs.module.css has it; a link in it is big enough to hit

/** Log lines as they come: virtual, following the end until someone scrolls up. */
export function LogView({ filters, paused = false, wrap = false, marked, height }: LogViewProps) {
  const log = useLog(filters);
  const rows = useFrozen(
    useMemo(() => rowsOf(log.lines), [log.lines]),
    paused,
  );
  if (log.phase === "failed") return <Failure error={log.error} retry={log.reader.retry} />;
  if (log.phase === "loading") return <Rows count={10} height={ROW} />;
  if (log.lines.lines.length === 0) return <NoLine filters={filters} />;
  return (
    <div className={css.view} style={height ? { height, flex: "none" } : undefined}>
      <List
        rows={rows.shown}
        ofOneRun={filters.run !== ""}
        wrap={wrap}
        marked={marked}
        isPaused={paused}
        hasOlder={log.lines.hasOlder}
        readOlder={() => void log.reader.readOlder()}
      />
      <footer className={css.foot}>
        <span>
          {count(log.lines.lines.length, "line")}
          {log.lines.hasOlder ? ", older ones above" : ", from the first kept"}
        </span>
        <span role="status">
          {paused && rows.behind > 0 && `Paused, ${count(rows.behind, "new line")}`}
          {paused && rows.behind === 0 && "Paused"}
          {log.error ? " Reading on failed; it tries again." : null}
        </span>
      </footer>
    </div>
  );
}

function NoLine({ filters }: { filters: LineFilters }) {
  const place = usePlace();
  const firstRun = useFirstRun(place);
  if (filters.run && !isLineFiltered({ ...filters, run: "" })) {
    return (
      <Empty title="This run logged nothing">
        What its steps write with <code>logger</code> or print stands here for 7 days.
      </Empty>
    );
  }
  if (isLineFiltered(filters)) {
    return <Empty title="No line matches">New ones that match appear here. Lines are kept for 7 days.</Empty>;
  }
  return (
    <Empty title="No log line yet" {...(!place.problems && { command: firstRun })}>
      What steps write with <code>logger</code> or print appears here within a second.
    </Empty>
  );
}

/** While paused, what was shown when the pause began. */
function useFrozen(rows: LineRow[], paused: boolean): { shown: LineRow[]; behind: number } {
  const [frozen, setFrozen] = useState<LineRow[] | null>(null);
  if (paused && frozen === null) setFrozen(rows);
  if (!paused && frozen !== null) setFrozen(null);
  const shown = frozen ?? rows;
  return { shown, behind: Math.max(0, rows.length - shown.length) };
}

interface ListProps {
  rows: LineRow[];
  /** Then all are of one version, which the run's page names. */
  ofOneRun: boolean;
  wrap: boolean;
  marked: string | undefined;
  isPaused: boolean;
  hasOlder: boolean;
  readOlder: () => void;
}

const keyOf = (row: LineRow) =>
  row.kind === "line"
    ? `${row.line.stream}:${row.line.seq}`
    : `gap ${row.gap.stream}:${row.gap.first}:${row.gap.last}`;

function List({ rows, ofOneRun, wrap, marked, isPaused, hasOlder, readOlder }: ListProps) {
  const box = useRef<HTMLElement>(null);
  const [follows, setFollows] = useState(!marked);
  const seen = useRef<string>(undefined);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    getItemKey: (index) => keyOf(rows[index]!),
    overscan: 20,
    useFlushSync: false,
  });
  const manyVersions = useMemo(() => !ofOneRun && hasVersions(rows), [rows, ofOneRun]);
  useKeepPlace(box, rows, follows);
  useLayoutEffect(() => {
    if (follows && !isPaused) virtual.scrollToIndex(rows.length - 1, { align: "end" });
    if (follows && rows.length > 0) seen.current = keyOf(rows.at(-1)!);
  }, [follows, rows.length, isPaused, virtual]);
  useMarked(rows, marked, (index) => virtual.scrollToIndex(index, { align: "center" }));
  const fresh = follows ? 0 : linesAfter(rows, seen.current);
  return (
    <>
      <section
        ref={box}
        className={cx(css.list, wrap && css.wrap, !manyVersions && css.oneVersion)}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        tabIndex={0}
        aria-label="Log lines, oldest first"
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          setFollows(scrollHeight - scrollTop - clientHeight < ROW * 2);
          if (scrollTop < 400 && hasOlder) readOlder();
        }}
      >
        <div className={css.inner} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => (
            <Line
              key={item.key}
              row={rows[item.index]!}
              index={item.index}
              top={item.start}
              measure={wrap ? virtual.measureElement : undefined}
              withVersion={manyVersions}
              marked={marked}
            />
          ))}
        </div>
      </section>
      {!follows && virtual.getTotalSize() > (box.current?.clientHeight ?? 0) && (
        <div className={css.new}>
          <Button look={fresh > 0 ? "main" : undefined} size="small" onClick={() => setFollows(true)}>
            {fresh > 0 ? count(fresh, "new line") : "Go to the end"}
          </Button>
        </div>
      )}
    </>
  );
}

/** How many rows came after the last that was seen at the end; older ones that came in above are not new. */
function linesAfter(rows: LineRow[], seen: string | undefined): number {
  const at = seen === undefined ? -1 : rows.findLastIndex((row) => keyOf(row) === seen);
  return at < 0 ? 0 : rows.length - 1 - at;
}

function hasVersions(rows: LineRow[]): boolean {
  return rows.some((row) => row.kind === "line" && row.line.version !== null);
}

/** When older lines come in above, what is being read stays where it is. */
function useKeepPlace(box: React.RefObject<HTMLElement | null>, rows: LineRow[], follows: boolean): void {
  const before = useRef(rows);
  useLayoutEffect(() => {
    const first = before.current[0];
    if (!follows && first && rows[0] && keyOf(rows[0]) !== keyOf(first)) {
      const added = rows.findIndex((row) => keyOf(row) === keyOf(first));
      if (added > 0 && box.current) box.current.scrollTop += added * ROW;
    }
    before.current = rows;
  }, [box, rows, follows]);
}

/** Goes once to the first line of the marked attempt. */
function useMarked(rows: LineRow[], marked: string | undefined, show: (index: number) => void): void {
  const done = useRef<string>(undefined);
  useEffect(() => {
    if (!marked || done.current === marked) return;
    const index = rows.findIndex((row) => row.kind === "line" && row.line.attempt === marked);
    if (index < 0) return;
    done.current = marked;
    show(index);
  }, [rows, marked, show]);
}
