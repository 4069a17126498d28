// The frame inside a project: its screens, and those of the environment that was looked at last.
import { ApiFailure } from "@shared/api/failure";
import type { Project } from "@shared/api/types";
import { Page } from "@shared/design/parts";
import { Rows } from "@shared/design/Waiting";
import { useRefresh } from "@shared/live/react";
import { ErrorScreen } from "@shared/shell/ErrorScreen";
import { Go } from "@shared/shell/Go";
import type { Command } from "@shared/shell/Palette";
import { type NavGroup, Shell } from "@shared/shell/Shell";
import css from "@shared/shell/shell.module.css";
import { useQuery } from "@tanstack/react-query";
import { Outlet, useNavigate, useParams, useRouterState } from "@tanstack/react-router";
import { useMemo } from "react";
import { OrganizationCrumb, ProjectCrumb } from "./Crumbs";
import { ProjectProvider, urlOf } from "./context";
import { projectQuery } from "./queries";
import { UserMenu } from "./UserMenu";

export function ProjectLayout() {
  const { org, project: slug } = useParams({ strict: false }) as { org: string; project: string };
  const query = useQuery(projectQuery(org, slug));
  useRefresh(query.data ? `versions:${query.data.id}` : null, ["project", org, slug]);
  const isGone = query.error instanceof ApiFailure && query.error.isGone; // deleted, or we are members no longer
  if (query.error && (isGone || !query.data)) {
    return <ErrorScreen error={query.error} reset={() => void query.refetch()} />;
  }
  return query.data ? <Inside project={query.data} /> : <Waiting org={org} />;
}

function Waiting({ org }: { org: string }) {
  return (
    <Shell crumbs={<OrganizationCrumb slug={org} />} groups={[]} end={<UserMenu />}>
      <Page>
        <Rows count={5} />
      </Page>
    </Shell>
  );
}

function Inside({ project }: { project: Project }) {
  const environment = useEnvironmentName(project);
  const groups = useMemo(() => groupsOf(project, environment), [project, environment]);
  const commands = useCommands(project);
  return (
    <ProjectProvider value={project}>
      <Shell
        crumbs={
          <>
            <OrganizationCrumb slug={project.organization.slug} />
            <span aria-hidden="true">/</span>
            <ProjectCrumb project={project} />
          </>
        }
        groups={groups}
        commands={commands}
        end={<UserMenu />}
      >
        <Outlet />
      </Shell>
    </ProjectProvider>
  );
}

function groupsOf(project: Project, environment: string): NavGroup[] {
  const url = urlOf(project);
  const here = `${url}/${environment}`;
  return [
    {
      label: "Project",
      links: [
        { to: url, label: "Overview", icon: "overview", keys: "g o", exact: true },
        { to: `${url}/versions`, label: "Versions", icon: "versions", keys: "g v" },
        { to: `${url}/datasets`, label: "Datasets", icon: "datasets", keys: "g d" },
        { to: `${url}/settings`, label: "Settings", icon: "settings", keys: "g s" },
      ],
    },
    {
      label: "Environment",
      head: <Environments project={project} current={environment} />,
      links: [
        { to: `${here}/traffic`, label: "Traffic", icon: "traffic", keys: "g t" },
        { to: `${here}/flows`, label: "Flows", icon: "flows", keys: "g f" },
        { to: `${here}/runs`, label: "Runs", icon: "runs", keys: "g r" },
        { to: `${here}/logs`, label: "Logs", icon: "logs", keys: "g l" },
        { to: `${here}/endpoints`, label: "Endpoints", icon: "endpoints", keys: "g e" },
        { to: `${here}/settings`, label: "Variables", icon: "lock", keys: "g x" },
      ],
    },
  ];
}

/** The switch keeps the screen: from prod's runs to staging's runs. */
function Environments({ project, current }: { project: Project; current: string }) {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const url = urlOf(project);
  const screen = path.startsWith(`${url}/${current}/`)
    ? path.slice(url.length + current.length + 2)
    : "traffic";
  return (
    <div className={css.places}>
      {project.environments.map(({ id, name }) => (
        <Go key={id} to={`${url}/${name}/${screen.split("/")[0]}`} data-here={name === current}>
          {name}
        </Go>
      ))}
    </div>
  );
}

function useCommands(project: Project): Command[] {
  const navigate = useNavigate();
  return useMemo(() => {
    const screens = ["traffic", "flows", "runs", "logs"];
    return project.environments.flatMap(({ name }) =>
      screens.map((screen) => ({
        id: `${name}/${screen}`,
        label: `${name}: ${screen}`,
        group: "Environment",
        act: () => void navigate({ to: `${urlOf(project)}/${name}/${screen}` as never }),
      })),
    );
  }, [project, navigate]);
}

/** The environment to show first: prod once it serves, before that whichever does. */
function mainOf({ environments }: Project): string {
  const serving = environments.filter(({ serving }) => serving.length > 0).map(({ name }) => name);
  const names = serving.length > 0 ? serving : environments.map(({ name }) => name);
  return names.includes("prod") ? "prod" : (names[0] ?? "prod");
}

const REMEMBERED = "wistro-environment";

function useEnvironmentName(project: Project): string {
  const { environment } = useParams({ strict: false }) as { environment?: string };
  const names = project.environments.map(({ name }) => name);
  if (environment && names.includes(environment)) {
    sessionStorage.setItem(REMEMBERED, environment);
    return environment;
  }
  const last = sessionStorage.getItem(REMEMBERED);
  return last && names.includes(last) ? last : mainOf(project);
}
