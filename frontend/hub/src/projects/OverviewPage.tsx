import { get } from "@shared/api/client";
import type { Environment, List, Project, Version } from "@shared/api/types";
import { Copy } from "@shared/design/Copy";
import { percent } from "@shared/design/format";
import { Loaded } from "@shared/design/Loaded";
import { Badge, buttonClass, Page, PageHead, Panel, VersionMark, WeightBar } from "@shared/design/parts";
import { Empty } from "@shared/design/states";
import { useRefresh } from "@shared/live/react";
import { describeDeployment } from "@shared/runs/status";
import { Go } from "@shared/shell/Go";
import { useQuery } from "@tanstack/react-query";
import { urlOf, useProject } from "../app/context";
import { VersionRows } from "../versions/VersionRows";
import css from "./projects.module.css";

export function OverviewPage() {
  const project = useProject();
  const key = ["versions", project.id, "last"];
  const versions = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => get<List<Version>>(`/api/v1/projects/${project.id}/versions?limit=5`, signal),
  });
  useRefresh(`versions:${project.id}`, key);
  return (
    <Page>
      <PageHead title={project.name} about={sourceWords(project)}>
        {project.source.kind === "none" && (
          <Go
            to="/new"
            search={{ in: project.organization.slug, project: project.slug }}
            className={buttonClass("main")}
          >
            Connect a repository
          </Go>
        )}
      </PageHead>
      <div className={css.environments}>
        {project.environments.map((environment) => (
          <EnvironmentCard key={environment.id} project={project} environment={environment} />
        ))}
      </div>
      <Panel
        flush
        title="Last versions"
        side={
          <Go className="link" to={`${urlOf(project)}/versions`}>
            All versions
          </Go>
        }
      >
        <Loaded query={versions}>
          {({ items }) =>
            items.length ? (
              <VersionRows versions={items} project={project} />
            ) : (
              <Empty title="No version yet" command={`wistro deploy --project ${urlOf(project).slice(1)}`}>
                Push to the connected repository, or deploy a folder.
              </Empty>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

function sourceWords({ source }: Project): string {
  if (source.kind === "none") return "No repository is connected; deploys come from a folder.";
  return `${source.repository ?? "Repository not chosen yet"}, ${source.default_branch ?? "default branch"} goes to prod`;
}

function EnvironmentCard({ project, environment }: { project: Project; environment: Environment }) {
  const url = `${urlOf(project)}/${environment.name}`;
  const shown = [...environment.serving].sort((a, b) => b.weight - a.weight || b.version - a.version);
  return (
    <section className={css.card} aria-label={environment.name}>
      <div className={css.cardHead}>
        <h2>{environment.name}</h2>
        {environment.holds && (
          <span title="New versions get 0 % until someone sets weights or releases the hold">
            <Badge tone="wait">Holds its weights</Badge>
          </span>
        )}
      </div>
      <WeightBar parts={environment.serving} label={`${environment.name} weights`} />
      {shown.length === 0 ? (
        <p className="quiet">Nothing serves here yet.</p>
      ) : (
        <ul className={css.versions}>
          {shown.slice(0, 4).map((each) => {
            const { label, tone } = describeDeployment(each.state);
            return (
              <li key={each.version}>
                <VersionMark number={each.version} />
                <Badge tone={tone} bare>
                  {label}
                </Badge>
                <strong>{percent(each.weight)}</strong>
              </li>
            );
          })}
        </ul>
      )}
      <div className={css.address}>
        <code className="clip">{environment.address}</code>
        <Copy text={environment.address} what={`${environment.name} address`} />
      </div>
      <nav className={css.links} aria-label={environment.name}>
        {["traffic", "runs", "logs", "flows"].map((screen) => (
          <Go key={screen} className="link" to={`${url}/${screen}`}>
            {screen[0]!.toUpperCase() + screen.slice(1)}
          </Go>
        ))}
      </nav>
    </section>
  );
}
