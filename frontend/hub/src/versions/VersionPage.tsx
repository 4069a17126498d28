import { post } from "@shared/api/client";
import type { Project, Version } from "@shared/api/types";
import { Id } from "@shared/design/Copy";
import { length, percent } from "@shared/design/format";
import { Icon } from "@shared/design/icons";
import { Loaded } from "@shared/design/Loaded";
import { Badge, Button, Page, PageHead, Panel, VersionMark } from "@shared/design/parts";
import { Refused } from "@shared/design/states";
import { Facts } from "@shared/design/tables";
import { Waiting } from "@shared/design/Waiting";
import { When } from "@shared/design/When";
import { useRefresh } from "@shared/live/react";
import { Problems } from "@shared/problems/Problems";
import { describeBuild, describeDeployment, isBuilding } from "@shared/runs/status";
import { Go } from "@shared/shell/Go";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { urlOf, useProject } from "../app/context";
import { BuildLog } from "./BuildLog";
import { DeployMenu } from "./DeployMenu";
import { findVersion } from "./findVersion";
import { placesOf } from "./places";
import { stagesOf } from "./stages";
import { titleOf } from "./VersionRows";
import css from "./versions.module.css";

export function VersionPage() {
  const project = useProject();
  const { number } = useParams({ strict: false }) as { number: string };
  const key = ["versions", project.id, "one", number];
  const query = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => findVersion(project.id, number, signal),
  });
  useRefresh(`versions:${project.id}`, key);
  return (
    <Page>
      <Loaded query={query} loading={<Waiting columns={2} />}>
        {(version) => <Shown project={project} version={version} />}
      </Loaded>
    </Page>
  );
}

function Shown({ project, version }: { project: Project; version: Version }) {
  const { label, tone } = describeBuild(version.state);
  const building = isBuilding(version.state);
  const cancel = useMutation({ mutationFn: () => post(`/api/v1/versions/${version.id}/cancel`) });
  return (
    <>
      <PageHead
        title={
          <>
            <VersionMark number={version.number} /> <span className="quiet">{titleOf(version)}</span>
          </>
        }
      >
        <Badge tone={tone} pulse={building}>
          {label}
        </Badge>
        {building && (
          <Button disabled={cancel.isPending} onClick={() => cancel.mutate()}>
            Cancel build
          </Button>
        )}
        <DeployMenu project={project} version={version} />
      </PageHead>
      <Refused error={cancel.error} />
      {version.problems.length > 0 && (
        <Panel flush title={version.state === "failed" ? "Why it failed" : "Worth a look"}>
          <Problems problems={version.problems} />
        </Panel>
      )}
      <div className={css.columns}>
        <div className={css.column}>
          <Panel flush title="Build" side={<Took version={version} />}>
            <Stages version={version} />
            <BuildLog version={version.id} building={building} />
          </Panel>
        </div>
        <div className={css.column}>
          <Panel title="Serves in">
            <Serves project={project} version={version} />
          </Panel>
          <Panel title="Changed since the one before">
            <Changes version={version} />
          </Panel>
          <Panel title="About">
            <About version={version} />
          </Panel>
        </div>
      </div>
    </>
  );
}

function Took({ version }: { version: Version }) {
  const seconds = Object.values(version.durations).reduce((sum, each) => sum + each, 0);
  return seconds > 0 ? <p>{length(seconds * 1e6)}</p> : null;
}

function Stages({ version }: { version: Version }) {
  return (
    <ol className={css.stages} aria-label="Stages">
      {stagesOf(version.state, version.durations).map((stage) => (
        <li key={stage.stage} className={css.stage} data-state={stage.state}>
          <span>
            {stage.state === "done" && <Icon name="check" size={13} />}
            {stage.state === "failed" && <Icon name="close" size={13} />}
            {stage.label}
          </span>
          <strong>
            {stage.seconds === null ? (stage.state === "now" ? "now" : "–") : length(stage.seconds * 1e6)}
          </strong>
        </li>
      ))}
    </ol>
  );
}

function Serves({ project, version }: { project: Project; version: Version }) {
  if (version.deployments.length === 0) return <p className="quiet">Nowhere yet.</p>;
  return (
    <Facts
      rows={placesOf(version.deployments).map(({ id, environment, weight, state, error }) => [
        environment,
        <span key={id}>
          <Go className="link" to={`${urlOf(project)}/${environment}/traffic`}>
            {percent(weight)}
          </Go>{" "}
          <Badge tone={describeDeployment(state).tone} bare>
            {describeDeployment(state).label}
          </Badge>
          {error && <small className={css.why}>{error}</small>}
        </span>,
      ])}
    />
  );
}

function Changes({ version: { state, lock_changes: words } }: { version: Version }) {
  if (state !== "ready") {
    return <p className="quiet">{isBuilding(state) ? "Known once it is built." : "It was not built."}</p>;
  }
  if (words.length === 0) return <p className="quiet">Nothing in the lock.</p>;
  return (
    <ul className={css.changes}>
      {words.map((word) => (
        <li key={word}>{word}</li>
      ))}
    </ul>
  );
}

function About({ version }: { version: Version }) {
  const { commit } = version;
  return (
    <Facts
      rows={[
        ["Version", <Id key="id" id={version.id} />],
        ...(commit
          ? ([
              ["Commit", <code key="sha">{commit.sha.slice(0, 12)}</code>],
              ["Branch", commit.branch ?? "–"],
              ["Author", commit.author],
            ] as [string, React.ReactNode][])
          : ([["From", "a folder"]] as [string, React.ReactNode][])),
        ["Made", <When key="made" at={version.created_at} />],
        ["Ready", <When key="ready" at={version.ready_at} />],
        ...(version.state === "ready"
          ? ([
              [
                "Lock",
                <a key="lock" className="link" href={`/api/v1/versions/${version.id}/lock`}>
                  wistro.yml.lock
                </a>,
              ],
            ] as [string, React.ReactNode][])
          : []),
      ]}
    />
  );
}
