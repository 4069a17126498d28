// The addresses of the Hub's screens. Each screen is its own chunk.
import { ErrorScreen, NotFound } from "@shared/shell/ErrorScreen";
import { parseSearch, stringifySearch } from "@shared/shell/search";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
} from "@tanstack/react-router";
import { AppLayout } from "./AppLayout";
import { EnvironmentLayout } from "./EnvironmentLayout";
import { ProjectLayout } from "./ProjectLayout";

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });

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
  app.addChildren([
    screen(app, "/", () => import("../projects/HomePage"), "HomePage"),
    screen(app, "/new", () => import("../projects/NewPage"), "NewPage"),
    screen(app, "/$org", () => import("../projects/OrganizationPage"), "OrganizationPage"),
    project.addChildren([
      screen(project, "/", () => import("../projects/OverviewPage"), "OverviewPage"),
      screen(project, "/versions", () => import("../versions/VersionsPage"), "VersionsPage"),
      screen(project, "/versions/$number", () => import("../versions/VersionPage"), "VersionPage"),
      environment.addChildren([]),
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
