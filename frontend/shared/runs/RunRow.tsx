import type { RunSummary } from "../api/types";
import { between, length, shortId } from "../design/format";
import { Badge, VersionMark } from "../design/parts";
import { When } from "../design/When";
import { Go } from "../shell/Go";
import { usePlace } from "../shell/place";
import css from "./runs.module.css";
import { describeRun } from "./status";

interface RunRowProps {
  run: RunSummary;
  index: number;
  top: number;
  height: number;
}

/** One run in the table. On a narrow screen only what carries `data-narrow` is shown, in two lines. */
export function RunRow({ run, index, top, height }: RunRowProps) {
  const place = usePlace();
  const { label, tone } = describeRun(run.status);
  return (
    <Go
      to={`${place.url}/runs/${run.id}`}
      className={css.row}
      style={{ transform: `translateY(${top}px)`, height }}
      data-index={index}
      data-run={run.id}
    >
      <span data-narrow="status">
        <Badge tone={tone} bare pulse={run.status === "running"}>
          {label}
        </Badge>
      </span>
      <span className={`${css.trigger} clip`} data-narrow="trigger">
        {run.trigger.label}
      </span>
      <span className={css.pills}>
        {run.flows.map((flow) => (
          <Badge key={flow} tone="calm" dot={false}>
            {flow}
          </Badge>
        ))}
      </span>
      {!place.isLocal && (
        <span data-narrow="version">{run.version === null ? "–" : <VersionMark number={run.version} />}</span>
      )}
      <span className="quiet" data-narrow="started">
        <When at={run.started_at} />
      </span>
      <span className={css.right} data-narrow="length">
        {run.ended_at ? length(between(run.started_at, run.ended_at)) : "…"}
      </span>
      <span className={css.right}>
        {run.attempts}
        {run.errors > 0 && <span className={css.wrong}> · {run.errors} failed</span>}
      </span>
      <span className={`${css.right} mono quiet`} title={run.id}>
        {shortId(run.id)}
      </span>
    </Go>
  );
}
