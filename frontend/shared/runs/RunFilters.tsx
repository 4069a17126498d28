import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { get } from "../api/client";
import type { Graph } from "../api/types";
import { Choice, Input } from "../design/forms";
import { Button } from "../design/parts";
import type { ChangeSearch } from "../shell/Go";
import { usePlace } from "../shell/place";
import type { RunFilters as Filters } from "./filters";
import { isFiltered } from "./filters";
import css from "./runs.module.css";
import { describeRun, RUN_STATUSES } from "./status";

/** The graph of what serves: names of steps and flows for the filters, and the picture itself. */
export function useGraph(version?: string) {
  const place = usePlace();
  return useQuery({
    queryKey: ["graph", place.api, version ?? ""],
    queryFn: ({ signal }) => get<Graph>(`${place.api}/graph${version ? `?version=${version}` : ""}`, signal),
  });
}

/** Text that reaches the address only when typing pauses; Enter sends it at once. */
export function SearchBox(props: { value: string; label: string; change: (text: string) => void }) {
  const { value, label, change } = props;
  const [text, setText] = useState(value);
  const latest = useRef(value);
  useEffect(() => {
    if (value !== latest.current) setText(value);
    latest.current = value;
  }, [value]);
  const send = (next: string) => {
    latest.current = next;
    change(next);
  };
  useEffect(() => {
    if (text === latest.current) return;
    const timer = setTimeout(() => {
      latest.current = text;
      change(text);
    }, 300);
    return () => clearTimeout(timer);
  }, [text, change]);
  return (
    <Input
      small
      type="search"
      className={css.grow}
      data-search
      aria-label={label}
      placeholder={`${label}  /`}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") send(text);
        if (event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}

export function RunFilterBar(props: { filters: Filters; change: ChangeSearch }) {
  const { filters, change } = props;
  const place = usePlace();
  const { data: graph } = useGraph();
  return (
    <>
      <Choice
        small
        aria-label="Status"
        value={filters.status}
        onChange={(event) => change({ status: event.target.value }, "step")}
      >
        <option value="">Any status</option>
        {RUN_STATUSES.map((status) => (
          <option key={status} value={status}>
            {describeRun(status).label}
          </option>
        ))}
      </Choice>
      <StepChoice graph={graph} value={filters.step} change={(step) => change({ step }, "step")} />
      <Choice
        small
        aria-label="Flow"
        value={filters.flow}
        onChange={(event) => change({ flow: event.target.value }, "step")}
      >
        <option value="">Any flow</option>
        {withChosen(
          graph?.flows.map(({ id, name }) => [id, name] as const),
          filters.flow,
        )}
      </Choice>
      {!place.isLocal && (
        <Input
          small
          type="number"
          min={1}
          aria-label="Version"
          placeholder="Version"
          style={{ width: 86 }}
          value={filters.version}
          onChange={(event) => change({ version: event.target.value })}
        />
      )}
      {isFiltered(filters) && (
        <Button
          look="plain"
          size="small"
          onClick={() => change({ status: "", step: "", flow: "", version: "", text: "" }, "step")}
        >
          Clear
        </Button>
      )}
    </>
  );
}

export function StepChoice(props: {
  graph: Graph | undefined;
  value: string;
  change: (step: string) => void;
}) {
  const steps = props.graph?.nodes
    .filter((node) => node.kind !== "noop" || node.trigger)
    .map((node) => [node.id, node.label] as const);
  return (
    <Choice
      small
      aria-label="Step"
      value={props.value}
      onChange={(event) => props.change(event.target.value)}
      style={{ maxWidth: 200 }}
    >
      <option value="">Any step</option>
      {withChosen(steps, props.value)}
    </Choice>
  );
}

/** Options, with the chosen one even when the graph no longer has it. */
function withChosen(options: (readonly [string, string])[] = [], chosen: string) {
  const all =
    chosen && !options.some(([id]) => id === chosen) ? [[chosen, chosen] as const, ...options] : options;
  return all.map(([id, name]) => (
    <option key={id} value={id}>
      {name}
    </option>
  ));
}
