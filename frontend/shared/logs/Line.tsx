import { memo } from "react";
import type { LineView } from "../api/types";
import { clock, count, exact } from "../design/format";
import { versionColor } from "../design/parts";
import type { LineRow } from "../live/lines";
import { describeLevel } from "../runs/status";
import { Go } from "../shell/Go";
import { usePlace } from "../shell/place";
import css from "./logs.module.css";

interface LineProps {
  row: LineRow;
  index: number;
  top: number;
  measure: ((element: HTMLElement | null) => void) | undefined;
  withVersion: boolean;
  marked: string | undefined;
}

/** One row of the log, as text only, whatever a step wrote. */
export const Line = memo(function Line({ row, index, top, measure, withVersion, marked }: LineProps) {
  const style = { transform: `translateY(${top}px)` };
  if (row.kind === "gap") {
    const lost = row.gap.last - row.gap.first + 1;
    return (
      <div
        ref={measure}
        className={css.gap}
        style={style}
        data-index={index}
        title={`${row.gap.first}–${row.gap.last} of ${row.gap.stream}`}
      >
        {count(lost, "line")} lost before {lost === 1 ? "it was" : "they were"} kept
      </div>
    );
  }
  const { line } = row;
  const { label, tone } = describeLevel(line.level);
  return (
    <div
      ref={measure}
      className={css.line}
      style={style}
      data-index={index}
      data-tone={tone}
      data-seq={line.seq}
      data-marked={marked !== undefined && line.attempt === marked}
    >
      <time dateTime={line.at} title={exact(line.at)}>
        {clock(line.at)}
      </time>
      <span className={css.level} data-tone={tone}>
        {label}
      </span>
      {withVersion && <Version number={line.version} />}
      <span className={`${css.step} clip`}>
        <Step line={line} />
      </span>
      <span className={css.text}>
        {line.message}
        <Fields fields={line.fields} />
      </span>
    </div>
  );
});

function Version({ number }: { number: number | null }) {
  if (number === null) return <span className={css.version} />;
  return (
    <span className={css.version}>
      <i style={{ background: versionColor(number) }} />
      {number}
    </span>
  );
}

/** The step, which leads to the attempt that wrote the line. */
function Step({ line }: { line: LineView }) {
  const place = usePlace();
  const name = line.step ?? line.source;
  if (!line.run) return <>{name}</>;
  return (
    <Go
      to={`${place.url}/runs/${line.run}`}
      search={line.attempt ? { attempt: line.attempt } : {}}
      title={`${name}: open the attempt`}
    >
      {name.replace(/^src\//, "")}
    </Go>
  );
}

function Fields({ fields }: { fields: Record<string, unknown> }) {
  const names = Object.keys(fields);
  if (names.length === 0) return null;
  return (
    <span className={css.fields}>{names.map((name) => ` ${name}=${inline(fields[name])}`).join("")}</span>
  );
}

function inline(value: unknown): string {
  return typeof value === "string"
    ? /[\s"=]/.test(value)
      ? JSON.stringify(value)
      : value
    : JSON.stringify(value);
}
