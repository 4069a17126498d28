// Where the code comes from; then waiting, live, for the first push, and on to its version as it builds.
import { get } from "@shared/api/client";
import type { List, Project, Version } from "@shared/api/types";
import { Loaded } from "@shared/design/Loaded";
import { Badge, Note, Panel } from "@shared/design/parts";
import { useRefresh } from "@shared/live/react";
import { Go } from "@shared/shell/Go";
import { useQuery } from "@tanstack/react-query";
import { Navigate } from "@tanstack/react-router";
import { urlOf } from "../app/context";
import { projectQuery } from "../app/queries";
import { problemOf, SourcePicker } from "../settings/SourcePicker";
import css from "./projects.module.css";

export function ConnectStep({ organization, project }: { organization: string; project: string }) {
  const query = useQuery(projectQuery(organization, project));
  return <Loaded query={query}>{(found) => <Connect project={found} />}</Loaded>;
}

function Connect({ project }: { project: Project }) {
  const key = ["versions", project.id, "first"];
  const versions = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => get<List<Version>>(`/api/v1/projects/${project.id}/versions?limit=1`, signal),
  });
  useRefresh(`versions:${project.id}`, key);
  useRefresh(`source:${project.id}`, ["project", project.organization.slug, project.slug]);
  const first = versions.data?.items[0];
  if (first) return <Navigate to={`${urlOf(project)}/versions/${first.number}` as never} replace />;
  const problem = problemOf(project.source);
  return (
    <Panel title="Bring your code" flush>
      <SourcePicker project={project} withCommand />
      {problem && <Note tone="wait">{problem}</Note>}
      <div className={css.waiting} role="status">
        <Badge tone="busy" pulse>
          Waiting for the first push
        </Badge>
        <span>This page moves on by itself.</span>
        <Go className="link" to={urlOf(project)}>
          Skip
        </Go>
      </div>
    </Panel>
  );
}
