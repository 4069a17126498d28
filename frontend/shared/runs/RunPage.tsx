import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { lazy, Suspense, useMemo, useState } from "react";
import { get } from "../api/client";
import type { RunDetail, RunSummary } from "../api/types";
import { Id } from "../design/Copy";
import { between, count, length } from "../design/format";
import { Loaded } from "../design/Loaded";
import { Badge, Button, Page, PageHead, Panel, VersionMark } from "../design/parts";
import { Waiting } from "../design/Waiting";
import { When } from "../design/When";
import { useRefresh } from "../live/react";
import { LogView } from "../logs/LogView";
import { useSearchState } from "../shell/Go";
import { usePlace } from "../shell/place";
import { AttemptPanel } from "./AttemptPanel";
import css from "./run.module.css";
import { describeRun } from "./status";
import { Waterfall } from "./Waterfall";
import { type Waterfall as Layout, waterfall } from "./waterfall";

const AddSample = lazy(() => import("./AddSample").then((module) => ({ default: module.AddSample })));

export function RunPage() {
  const place = usePlace();
  const { run } = useParams({ strict: false }) as { run: string };
  const key = ["run", place.api, run];
  const query = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => get<RunDetail>(`${place.api}/runs/${run}`, signal),
  });
  useRefresh(place.topic("run", run), key);
  return (
    <Page full>
      <Loaded query={query} loading={<Waiting columns={2} />}>
        {(detail) => <Shown detail={detail} />}
      </Loaded>
    </Page>
  );
}

function Shown({ detail: { run, attempts } }: { detail: RunDetail }) {
  const place = usePlace();
  const [search, change] = useSearchState();
  const [adding, setAdding] = useState(false);
  const layout = useMemo(() => waterfall(attempts), [attempts]);
  const chosen =
    layout.bars.find((bar) => bar.attempt.id === search.attempt) ??
    layout.bars.find((bar) => bar.attempt.error !== null) ??
    layout.bars[0];
  const { label, tone } = describeRun(run.status);
  return (
    <>
      <PageHead title={run.trigger.label}>
        <Badge tone={tone} pulse={run.status === "running"}>
          {label}
        </Badge>
        {place.project && (
          <Button icon="plus" onClick={() => setAdding(true)}>
            Add as sample
          </Button>
        )}
      </PageHead>
      <About run={run} />
      <div className={css.split}>
        <Panel
          flush
          title={count(attempts.length, "attempt")}
          side={attempts.length > 0 ? <Legend layout={layout} /> : null}
        >
          {attempts.length === 0 ? (
            <p className={css.pad}>No attempt has finished yet; they appear here as they do.</p>
          ) : (
            <Waterfall
              layout={layout}
              chosen={chosen?.attempt.id ?? null}
              choose={(attempt) => change({ attempt })}
            />
          )}
        </Panel>
        {chosen && <AttemptPanel bar={chosen} run={run.id} />}
        <Panel flush title="Log">
          <LogView filters={{ run: run.id, step: "", level: "", text: "" }} height={320} />
        </Panel>
      </div>
      {adding && place.project && (
        <Suspense>
          <AddSample run={run} project={place.project} close={() => setAdding(false)} />
        </Suspense>
      )}
    </>
  );
}

function About({ run }: { run: RunSummary }) {
  return (
    <div className={css.facts}>
      <div>
        Run <Id id={run.id} />
      </div>
      {run.version !== null && (
        <div>
          <VersionMark number={run.version}>Version {run.version}</VersionMark>
        </div>
      )}
      <div>
        Started{" "}
        <b>
          <When at={run.started_at} />
        </b>
      </div>
      <div>
        Took <b>{run.ended_at ? length(between(run.started_at, run.ended_at)) : "not ended"}</b>
      </div>
      {run.generation !== null && (
        <div title="The routing generation that drew its version">
          Generation <b>{run.generation}</b>
        </div>
      )}
      {run.flows.length > 0 && (
        <div>
          {run.flows.map((flow) => (
            <Badge key={flow} tone="calm" dot={false}>
              {flow}
            </Badge>
          ))}
        </div>
      )}
      {run.trace_id && (
        <div>
          Trace <Id id={run.trace_id} />
        </div>
      )}
    </div>
  );
}

function Legend({ layout }: { layout: Layout }) {
  return (
    <div className={css.legend}>
      <span>
        <i className={css.queue} />
        Queue {length(layout.queue_us)}
      </span>
      <span>
        <i className={css.run} data-outcome="done" />
        Run {length(layout.run_us)}
      </span>
      <span>
        <i className={css.overhead} />
        Overhead {length(layout.overhead_us)}
      </span>
    </div>
  );
}
