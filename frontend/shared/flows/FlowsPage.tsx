import { lazy, Suspense, useMemo } from "react";
import { Choice } from "../design/forms";
import { Icon } from "../design/icons";
import { Loaded } from "../design/Loaded";
import { Empty } from "../design/states";
import { Rows } from "../design/Waiting";
import { useGraph } from "../runs/RunFilters";
import runs from "../runs/runs.module.css";
import { useSearchState } from "../shell/Go";
import { usePlace } from "../shell/place";
import css from "./flows.module.css";
import { within } from "./layout";
import { StepPanel } from "./StepPanel";

const FlowGraph = lazy(() => import("./FlowGraph").then((module) => ({ default: module.FlowGraph })));

export function FlowsPage() {
  const place = usePlace();
  const [search, change] = useSearchState();
  const query = useGraph(search.version);
  const flow = search.flow ?? "";
  const graph = useMemo(() => query.data && within(query.data, flow), [query.data, flow]);
  const step = graph?.nodes.find((node) => node.id === search.step);
  return (
    <div className={runs.screen}>
      <div className={runs.tools}>
        <h1>Flows</h1>
        <Choice
          small
          data-search
          aria-label="Flow"
          value={flow}
          onChange={(event) => change({ flow: event.target.value, step: "" })}
        >
          <option value="">The whole project</option>
          {query.data?.flows.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </Choice>
        <div className={runs.end}>
          <Legend />
        </div>
      </div>
      <div className={css.stage}>
        <div className={css.canvas}>
          <Loaded query={query} loading={<Rows count={10} />}>
            {() =>
              graph && graph.nodes.length > 0 ? (
                <Suspense fallback={<Rows count={10} />}>
                  <FlowGraph graph={graph} chosen={step?.id} choose={(id) => change({ step: id ?? "" })} />
                </Suspense>
              ) : (
                <Empty
                  title={
                    flow ? "No step is in this flow" : place.problems ? "Nothing compiled yet" : "No step yet"
                  }
                  {...(!place.problems && { command: place.isLocal ? "wistro init" : place.firstRun })}
                >
                  {place.problems
                    ? "Its steps appear here once the project compiles."
                    : "A step is a file in src/ that ends in .step.py, .step.ts or .step.js; each becomes a box here."}
                </Empty>
              )
            }
          </Loaded>
        </div>
        {step && graph && <StepPanel graph={graph} step={step} close={() => change({ step: "" })} />}
      </div>
    </div>
  );
}

function Legend() {
  return (
    <div className={css.legend}>
      <span>
        <Icon name="endpoints" size={14} /> Endpoint
      </span>
      <span>
        <Icon name="clock" size={14} /> Cron
      </span>
      <span>
        <Icon name="flows" size={14} /> Step
      </span>
      <span>
        <Icon name="hand" size={14} /> No-Op
      </span>
      <span>
        <i style={{ borderTopStyle: "dashed" }} /> sometimes
      </span>
      <span>
        <i style={{ borderTopStyle: "dotted" }} /> outside
      </span>
    </div>
  );
}
