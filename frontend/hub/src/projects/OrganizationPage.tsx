import type { Project } from "@shared/api/types";
import { percent } from "@shared/design/format";
import { Loaded } from "@shared/design/Loaded";
import { buttonClass, Page, PageHead, WeightBar } from "@shared/design/parts";
import { Empty } from "@shared/design/states";
import { Skeleton } from "@shared/design/Waiting";
import { Go } from "@shared/shell/Go";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { urlOf } from "../app/context";
import { projectsQuery } from "../app/queries";
import css from "./projects.module.css";

export function OrganizationPage() {
  const { org } = useParams({ strict: false }) as { org: string };
  const projects = useQuery(projectsQuery(org));
  return (
    <Page>
      <PageHead title="Projects">
        <Go to="/new" search={{ in: org }} className={buttonClass("main")}>
          New project
        </Go>
      </PageHead>
      <Loaded query={projects} loading={<Loading />}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty
              title="No project yet"
              command="wistro deploy"
              action={
                <Go to="/new" search={{ in: org }} className={buttonClass()}>
                  Connect a repository
                </Go>
              }
            >
              Run this in a folder with steps, or connect the repository that holds them.
            </Empty>
          ) : (
            <div className={css.grid}>
              {items.map((project) => (
                <Card key={project.id} project={project} />
              ))}
            </div>
          )
        }
      </Loaded>
    </Page>
  );
}

function Card({ project }: { project: Project }) {
  return (
    <Go to={urlOf(project)} className={css.card}>
      <div className={css.cardHead}>
        <h2>{project.name}</h2>
        <span className="quiet clip">{project.source?.repository ?? ""}</span>
      </div>
      <div className={css.lines}>
        {project.environments.map((environment) => (
          <Line key={environment.id} {...environment} />
        ))}
      </div>
    </Go>
  );
}

function Line({ name, serving }: Project["environments"][number]) {
  const top = [...serving].sort((a, b) => b.weight - a.weight)[0];
  return (
    <>
      <span>{name}</span>
      <WeightBar parts={serving} label={name} />
      <span>{top && top.weight > 0 ? `v${top.version} ${percent(top.weight)}` : "empty"}</span>
    </>
  );
}

function Loading() {
  return (
    <div className={css.grid} role="status" aria-busy="true" aria-label="Loading">
      {[1, 2, 3].map((each) => (
        <div key={each} className={css.card}>
          <Skeleton width={120} height={18} />
          <Skeleton height={10} />
          <Skeleton height={10} />
          <Skeleton height={10} />
        </div>
      ))}
    </div>
  );
}
