// The addresses of the local screens: the Hub's own flows, runs and logs, over this laptop's project.
import { ErrorScreen, NotFound } from "@shared/shell/ErrorScreen";
import { parseSearch, stringifySearch } from "@shared/shell/search";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
} from "@tanstack/react-router";
import { LocalLayout } from "./LocalLayout";

const root = createRootRoute({ component: LocalLayout, notFoundComponent: NotFound });

const screen = (path: string, load: () => Promise<Record<string, unknown>>, name: string) =>
  createRoute({
    getParentRoute: () => root,
    path,
    component: lazyRouteComponent(load as never, name as never),
  });

const routes = root.addChildren([
  createRoute({
    getParentRoute: () => root,
    path: "/",
    component: () => <Navigate to={"/flows" as never} replace />,
  }),
  screen("/flows", () => import("@shared/flows/FlowsPage"), "FlowsPage"),
  screen("/runs", () => import("@shared/runs/RunsPage"), "RunsPage"),
  screen("/runs/$run", () => import("@shared/runs/RunPage"), "RunPage"),
  screen("/logs", () => import("@shared/logs/LogsPage"), "LogsPage"),
  screen("/problems", () => import("./problems/ProblemsPage"), "ProblemsPage"),
]);

export const router = createRouter({
  routeTree: routes,
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  defaultErrorComponent: ErrorScreen,
  defaultNotFoundComponent: NotFound,
});
