// What the intercepted API answers, by screen state. Everything follows the shapes in shared/fixtures.
import { graph } from "../shared/fixtures/graph";
import * as hub from "../shared/fixtures/hub";
import { lines } from "../shared/fixtures/lines";
import { aRunDetail, runs } from "../shared/fixtures/runs";

export type State = "empty" | "loading" | "error" | "live";
export const STATES: State[] = ["empty", "loading", "error", "live"];

export type Answer = { status: number; body: unknown } | "never";

const list = (items: unknown[]) => ({ items, next: null });
const ok = (body: unknown): Answer => ({ status: 200, body });
const missing: Answer = {
  status: 404,
  body: { error: { code: "request.not-found", message: "There is nothing here", hint: null, fields: {} } },
};
const broken: Answer = {
  status: 500,
  body: {
    error: {
      code: "server.error",
      message: "The Hub could not read this",
      hint: "It is logged; try again in a moment.",
      fields: {},
    },
  },
};

type Table = [RegExp, (now: number, path: string) => unknown, unknown][];

/** Address, what it answers live, what it answers when there is nothing. */
const TABLE: Table = [
  [/\/runs\/run_/, aRunDetail, null],
  [/\/runs$/, (now) => runs(now), { runs: [], next: null }],
  [
    /\/environments\/[^/]+\/lines$|\/v1\/lines$/,
    (now) => lines(now),
    { lines: [], gaps: [], cursor: "", more: false },
  ],
  [/\/graph$/, () => graph, { nodes: [], edges: [], flows: [] }],
  [/\/first-call$/, () => ({ command: "curl -X POST http://127.0.0.1:3000/orders" }), null],
  [/\/problems$/, () => ({ problems: hub.problems }), { problems: [] }],
  [
    /\/traffic$/,
    hub.traffic,
    {
      generation: 0,
      holds: false,
      deployments: [],
      gateways: { applied: 0, total: 1, after_s: null },
      address: "http://prod--shop--acme.localhost:8080",
      history: [],
      draws: {},
    },
  ],
  [/\/versions\/[^/]+\/lines$/, (now) => hub.buildLines(now, false), { lines: [], cursor: "", done: true }],
  [/\/versions\/ver_/, (now, path) => hub.versions(now).find(({ id }) => path.endsWith(id)), null],
  [/\/versions$/, (now) => list(hub.versions(now)), list([])],
  [/\/datasets\/[^/]+\/samples$/, (now) => list(hub.samples(now)), list([])],
  [/\/datasets\/[^/]+$/, (now) => hub.datasets(now)[0], null],
  [/\/datasets$/, (now) => list(hub.datasets(now)), list([])],
  [/\/samples\//, hub.sample, null],
  [/\/members$/, () => list(hub.members), list(hub.members.slice(0, 1))],
  [/\/tokens$/, (now) => list(hub.tokens(now)), list([])],
  [/\/variables$/, (now) => list(hub.variables(now)), list([])],
  [/\/events-keys$/, hub.events, { address: "", topics: [], keys: [] }],
  [/\/repositories$/, () => list(["acme/shop", "acme/site"]), list([])],
  [/\/fleet$/, (now) => ({ machines: hub.machines(now) }), { machines: [] }],
  [/\/organizations\/[^/]+\/projects$/, () => list([hub.project]), list([])],
];

export function answer(
  path: string,
  search: URLSearchParams,
  state: State,
  screen: string,
  now: number,
): Answer {
  if (path.endsWith("/api/v1/me")) {
    return ok(screen === "welcome" ? { ...hub.me, organizations: [] } : hub.me);
  }
  const isConnecting = screen.startsWith("connect");
  const isFrame = /\/organizations\/[^/]+\/projects\/[^/]+$/.test(path);
  if (isFrame) return ok(state === "empty" || isConnecting ? hub.emptyProject : hub.project);
  if (isConnecting && path.endsWith("/versions")) return ok(list([]));
  if (state === "loading") return "never";
  if (state === "error") return broken;
  const after = search.get("after");
  if (after) return ok({ lines: [], gaps: [], cursor: after, more: false, done: false });
  if (screen === "failed" && path.endsWith("/lines")) return ok(hub.buildLines(now, true));
  const found = TABLE.find(([pattern]) => pattern.test(path));
  if (!found) return missing;
  const [, live, empty] = found;
  return ok(state === "empty" && empty !== null ? empty : live(now, path));
}
