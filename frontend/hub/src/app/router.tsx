// The addresses of the Hub's screens. Each screen is its own chunk.
import { ErrorScreen, NotFound, NotFoundAlone } from "@shared/shell/ErrorScreen";
import { parseSearch, stringifySearch } from "@shared/shell/search";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { AppLayout } from "./AppLayout";
import { EnvironmentLayout } from "./EnvironmentLayout";
import { ProjectLayout } from "./ProjectLayout";

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFoundAlone });

const open = (path: string, load: () => Promise<Record<string, unknown>>, name: string) =>
  createRoute({
    getParentRoute: () => root,
    path,
    component: lazyRouteComponent(load as never, name as never),
  });

const app = createRoute({ getParentRoute: () => root, id: "app", component: AppLayout });
const project = createRoute({ getParentRoute: () => app, path: "/$org/$project", component: ProjectLayout });
const environment = createRoute({
  getParentRoute: () => project,
  path: "/$environment",
  component: EnvironmentLayout,
});

type Parent = typeof app | typeof project | typeof environment;

const screen = (parent: Parent, path: string, load: () => Promise<Record<string, unknown>>, name: string) =>
  createRoute({
    getParentRoute: () => parent as typeof app,
    path,
    component: lazyRouteComponent(load as never, name as never),
  });

const routes = root.addChildren([
  open("/sign-in", () => import("../accounts/SignIn"), "SignIn"),
  open("/sign-up", () => import("../accounts/SignUp"), "SignUp"),
  open("/verify-email", () => import("../accounts/VerifyEmail"), "VerifyEmail"),
  open("/reset", () => import("../accounts/Reset"), "Reset"),
  open("/outbox", () => import("../accounts/Outbox"), "Outbox"),
  app.addChildren([
    screen(app, "/", () => import("../projects/HomePage"), "HomePage"),
    screen(app, "/new", () => import("../projects/NewPage"), "NewPage"),
    screen(app, "/fleet", () => import("../fleet/FleetPage"), "FleetPage"),
    screen(app, "/$org", () => import("../projects/OrganizationPage"), "OrganizationPage"),
    screen(app, "/$org/settings", () => import("../settings/OrganizationSettings"), "OrganizationSettings"),
    project.addChildren([
      screen(project, "/", () => import("../projects/OverviewPage"), "OverviewPage"),
      screen(project, "/versions", () => import("../versions/VersionsPage"), "VersionsPage"),
      screen(project, "/versions/$number", () => import("../versions/VersionPage"), "VersionPage"),
      screen(project, "/datasets", () => import("../datasets/DatasetsPage"), "DatasetsPage"),
      screen(project, "/datasets/$dataset", () => import("../datasets/DatasetPage"), "DatasetPage"),
      screen(project, "/settings", () => import("../settings/ProjectSettings"), "ProjectSettings"),
      environment.addChildren([
        createRoute({
          getParentRoute: () => environment,
          path: "/",
          // an address shortened by hand; `wistro open <environment>` opens the same screen
          beforeLoad: ({ params }) => {
            throw redirect({ to: "/$org/$project/$environment/traffic", params, replace: true });
          },
        }),
        screen(environment, "/traffic", () => import("../traffic/TrafficPage"), "TrafficPage"),
        screen(environment, "/flows", () => import("@shared/flows/FlowsPage"), "FlowsPage"),
        screen(environment, "/runs", () => import("@shared/runs/RunsPage"), "RunsPage"),
        screen(environment, "/runs/$run", () => import("@shared/runs/RunPage"), "RunPage"),
        screen(environment, "/logs", () => import("@shared/logs/LogsPage"), "LogsPage"),
        screen(environment, "/endpoints", () => import("../projects/EndpointsPage"), "EndpointsPage"),
        screen(
          environment,
          "/settings",
          () => import("../settings/EnvironmentSettings"),
          "EnvironmentSettings",
        ),
      ]),
    ]),
  ]),
]);

export const router = createRouter({
  routeTree: routes,
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  defaultErrorComponent: ErrorScreen,
  defaultNotFoundComponent: NotFound,
  scrollRestoration: true,
});
