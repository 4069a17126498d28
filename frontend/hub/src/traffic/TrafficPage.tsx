import type { Environment, Traffic } from "@shared/api/types";
import { Copy } from "@shared/design/Copy";
import { Loaded } from "@shared/design/Loaded";
import { Badge, Button, Note, Page, PageHead, Panel } from "@shared/design/parts";
import { Empty, Refused } from "@shared/design/states";
import { Rows } from "@shared/design/Waiting";
import { urlOf, useEnvironment, useProject } from "../app/context";
import { Draws } from "./Draws";
import { History } from "./History";
import css from "./traffic.module.css";
import { choices, useApply, useTraffic } from "./useTraffic";
import { Weights } from "./Weights";

export function TrafficPage() {
  const environment = useEnvironment();
  const query = useTraffic(environment.id);
  return (
    <Page>
      <PageHead
        title={`Traffic of ${environment.name}`}
        about={
          <span className={css.addresses}>
            <code className="clip">{environment.address}</code>
            <Copy text={environment.address} what="address" />
          </span>
        }
      >
        {query.data && <Acknowledged traffic={query.data} />}
      </PageHead>
      <Loaded
        query={query}
        loading={
          <Panel flush title="Weights">
            <Rows count={4} height={58} />
          </Panel>
        }
      >
        {(traffic) => <Shown traffic={traffic} environment={environment} />}
      </Loaded>
    </Page>
  );
}

function Acknowledged({ traffic: { gateways, generation } }: { traffic: Traffic }) {
  const { applied, total, after_s } = gateways;
  const all = total > 0 && applied >= total;
  return (
    <span title="How many gateways route by the newest weights, and how long the last of them took">
      <Badge tone={all ? "good" : "wait"} pulse={!all && total > 0}>
        {total === 0
          ? "No gateway is connected"
          : `Generation ${generation} on ${applied}/${total} gateways${all && after_s !== null ? `, ${after_s.toFixed(1)} s` : ""}`}
      </Badge>
    </span>
  );
}

function Shown({ traffic, environment }: { traffic: Traffic; environment: Environment }) {
  const project = useProject();
  const actions = useApply(environment.id);
  if (choices(traffic).length === 0) {
    return (
      <Panel flush>
        <Empty
          title={`Nothing serves in ${environment.name} yet`}
          command={`wistro deploy --project ${urlOf(project).slice(1)} --to ${environment.name}`}
        >
          The first healthy version gets all of the traffic. After that you split it here.
        </Empty>
      </Panel>
    );
  }
  return (
    <>
      {traffic.holds && (
        <Note
          tone="wait"
          action={
            <Button
              size="small"
              disabled={actions.release.isPending}
              onClick={() => actions.release.mutate()}
            >
              Release the hold
            </Button>
          }
        >
          <strong>{environment.name} holds its weights.</strong> Someone set them by hand, so new versions
          start at 0 % until you give them some here. Released, the next one takes all.
        </Note>
      )}
      <Refused error={actions.release.error} />
      <Weights traffic={traffic} apply={actions.apply} />
      <div className={css.two}>
        <Draws traffic={traffic} />
        <History traffic={traffic} />
      </div>
      <p className="quiet">
        Versions that serve at once share this environment&rsquo;s state, as they would share a database. A
        run stays in the version that it began in.
      </p>
    </>
  );
}
