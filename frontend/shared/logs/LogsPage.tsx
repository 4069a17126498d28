import { useState } from "react";
import { Copy } from "../design/Copy";
import { Choice } from "../design/forms";
import { Button } from "../design/parts";
import { isLineFiltered, LEVELS, lineFilters } from "../runs/filters";
import { SearchBox, StepChoice, useGraph } from "../runs/RunFilters";
import runs from "../runs/runs.module.css";
import { useSearchState } from "../shell/Go";
import { LogView } from "./LogView";

export function LogsPage() {
  const [search, change] = useSearchState();
  const [paused, setPaused] = useState(false);
  const filters = lineFilters(search);
  const { data: graph } = useGraph();
  const wrap = search.wrap === "1";
  return (
    <div className={runs.screen}>
      <div className={runs.tools}>
        <h1>Logs</h1>
        <SearchBox label="Search lines" value={filters.text} change={(text) => change({ text })} />
        <Choice
          small
          aria-label="Least level"
          value={filters.level}
          onChange={(event) => change({ level: event.target.value }, "step")}
        >
          <option value="">Any level</option>
          {LEVELS.map((level) => (
            <option key={level} value={level}>
              {level}
            </option>
          ))}
        </Choice>
        <StepChoice graph={graph} value={filters.step} change={(step) => change({ step }, "step")} />
        {(isLineFiltered(filters) || search.attempt) && (
          <Button
            look="plain"
            size="small"
            onClick={() => change({ run: "", step: "", level: "", text: "", attempt: "" }, "step")}
          >
            {filters.run ? "All runs" : "Clear"}
          </Button>
        )}
        <div className={runs.end}>
          <Button
            size="small"
            icon="wrap"
            aria-pressed={wrap}
            onClick={() => change({ wrap: wrap ? "" : "1" })}
          >
            {wrap ? "No wrap" : "Wrap"}
          </Button>
          <Button
            size="small"
            icon={paused ? "play" : "pause"}
            aria-pressed={paused}
            onClick={() => setPaused(!paused)}
          >
            {paused ? "Go on" : "Pause"}
          </Button>
          <Copy text={location.href} what="link to this view" />
        </div>
      </div>
      <LogView filters={filters} paused={paused} wrap={wrap} marked={search.attempt} />
    </div>
  );
}
