// The project and environment that the current screens stand in.
import type { Environment, Project } from "@shared/api/types";
import type { Place } from "@shared/shell/place";
import { createContext, useContext } from "react";

const ProjectContext = createContext<Project | null>(null);
const EnvironmentContext = createContext<Environment | null>(null);
export const ProjectProvider = ProjectContext.Provider;
export const EnvironmentProvider = EnvironmentContext.Provider;

export function useProject(): Project {
  const project = useContext(ProjectContext);
  if (!project) throw new Error("useProject outside a project");
  return project;
}

export function useEnvironment(): Environment {
  const environment = useContext(EnvironmentContext);
  if (!environment) throw new Error("useEnvironment outside an environment");
  return environment;
}

export const urlOf = (project: Project) => `/${project.organization.slug}/${project.slug}`;

export function placeOf(project: Project, environment: Environment): Place {
  return {
    api: `/api/v1/environments/${environment.id}`,
    url: `${urlOf(project)}/${environment.name}`,
    topic: (what, id) => (what === "run" ? `run:${id}` : `${what}:${environment.id}`),
    firstRun: `wistro deploy --project ${urlOf(project).slice(1)} --to ${environment.name}`,
    isLocal: false,
    ...(environment.serving.length > 0 && { address: environment.address }),
    project: project.id,
  };
}
