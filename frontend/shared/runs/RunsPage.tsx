import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import { count } from "../design/format";
import { Button, cx, Note } from "../design/parts";
import { Empty, Failure } from "../design/states";
import { Rows } from "../design/Waiting";
import { useSearchState } from "../shell/Go";
import { useShortcuts } from "../shell/keys";
import { usePlace } from "../shell/place";
import { useNarrow } from "../shell/useNarrow";
import { isFiltered, runFilters } from "./filters";
import { useFirstRun } from "./firstRun";
import { RunFilterBar, SearchBox } from "./RunFilters";
import { RunRow } from "./RunRow";
import css from "./runs.module.css";
import { type Runs, useRuns } from "./useRuns";

const COLUMNS = ["Status", "Trigger", "Flows", "Version", "Started", "Took", "Attempts", "Run"];

export function RunsPage() {
  const place = usePlace();
  const [search, change] = useSearchState();
  const filters = runFilters(search);
  const runs = useRuns(filters);
  const columns = place.isLocal ? COLUMNS.filter((name) => name !== "Version") : COLUMNS;
  return (
    <div className={cx(css.screen, place.isLocal && css.local)}>
      <div className={css.tools}>
        <h1>Runs</h1>
        <SearchBox label="Search runs" value={filters.text} change={(text) => change({ text })} />
        <RunFilterBar filters={filters} change={change} />
      </div>
      {runs.isStale && <Note tone="wait">Reading newer runs failed; it tries again with the next one.</Note>}
      <div className={css.columns} aria-hidden="true">
        {columns.map((name, index) => (
          <span key={name} className={index >= columns.length - 3 ? css.right : undefined}>
            {name}
          </span>
        ))}
      </div>
      <Body runs={runs} filtered={isFiltered(filters)} clear={() => change(blank, "step")} />
    </div>
  );
}

const blank = { status: "", step: "", flow: "", version: "", text: "" };

function Body({ runs, filtered, clear }: { runs: Runs; filtered: boolean; clear: () => void }) {
  const place = usePlace();
  const firstRun = useFirstRun(place);
  if (runs.error && !runs.list) {
    return (
      <div className={css.pad}>
        <Failure error={runs.error} retry={runs.retry} />
      </div>
    );
  }
  if (!runs.list) return <Rows count={14} />;
  if (runs.list.runs.length === 0 && runs.list.fresh.length === 0) {
    return filtered ? (
      <Empty title="No run matches" action={<Button onClick={clear}>Clear the filters</Button>}>
        Runs are kept for 30 days.
      </Empty>
    ) : (
      <Empty title="No run yet" {...(!place.problems && { command: firstRun })}>
        {!place.isLocal && !place.address && "Nothing serves here yet. "}A run begins with a call, a cron tick
        or an event from outside. It appears here as it happens.
      </Empty>
    );
  }
  return <List runs={runs} />;
}

function List({ runs }: { runs: Runs }) {
  const box = useRef<HTMLElement>(null);
  const height = useNarrow() ? 52 : 34;
  const list = runs.list!;
  const virtual = useVirtualizer({
    count: list.runs.length,
    getScrollElement: () => box.current,
    estimateSize: () => height,
    getItemKey: (index) => list.runs[index]!.id,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const { readOlder } = runs;
  useEffect(() => {
    if (list.next && last >= list.runs.length - 20) readOlder();
  }, [last, list.next, list.runs.length, readOlder]);
  useRowKeys(box, list.runs.length, (index) => virtual.scrollToIndex(index));
  return (
    <>
      <div className={css.newWrap}>
        {list.fresh.length > 0 && (
          <div className={css.new}>
            <Button
              look="main"
              size="small"
              onClick={() => {
                runs.reveal();
                virtual.scrollToOffset(0);
              }}
            >
              {count(list.fresh.length, "new run")}
            </Button>
          </div>
        )}
      </div>
      <section ref={box} className={css.list} aria-label="Runs, newest first">
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {items.map((item) => (
            <RunRow
              key={item.key}
              run={list.runs[item.index]!}
              index={item.index}
              top={item.start}
              height={height}
            />
          ))}
        </div>
        {runs.readingOlder && <Rows count={2} />}
      </section>
    </>
  );
}

/** j and k move the focus through rows that may not be in the page yet; Enter is the link's own. */
function useRowKeys(
  box: React.RefObject<HTMLElement | null>,
  length: number,
  show: (index: number) => void,
): void {
  const shortcuts = useMemo(() => {
    const move = (by: number) => {
      const at = document.activeElement?.closest<HTMLElement>("[data-index]")?.dataset.index;
      const next = at === undefined ? 0 : Math.max(0, Math.min(length - 1, Number(at) + by));
      show(next);
      requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus());
    };
    return [
      { keys: "j", label: "Next run", act: () => move(1) },
      { keys: "k", label: "Previous run", act: () => move(-1) },
    ];
  }, [box, length, show]);
  useShortcuts(shortcuts);
}
