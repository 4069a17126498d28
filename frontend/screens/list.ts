// The screens that are pictured, and in which states each can be.
import { id } from "../shared/fixtures/ids";
import type { State } from "./answers";

export interface Screen {
  name: string;
  path: string;
  app: "hub" | "local";
  states: State[];
  /** Pressed or clicked before the picture. */
  act?: string[];
}

const all: State[] = ["empty", "loading", "error", "live"];
const hub = (name: string, path: string, states = all, act?: string[]): Screen => ({
  name,
  path,
  app: "hub",
  states,
  ...(act && { act }),
});
const local = (name: string, path: string, states = all): Screen => ({ name, path, app: "local", states });
const run = id("run", 89_995);

export const screens: Screen[] = [
  hub("sign-up", "/sign-up", ["live", "error"]),
  hub("sign-in", "/sign-in", ["live", "error"]),
  hub("verify-email", "/verify-email", ["live"]),
  hub("reset", "/reset", ["live"]),
  hub("reset-code", "/reset?step=code", ["live"]),
  hub("welcome", "/new", ["live"]),
  hub("new-project", "/new?in=acme", ["live"]),
  hub("connect", "/new?in=acme&project=shop", ["live"]),
  hub("connect", "/new?in=acme&project=shop", ["error"], ["button:Connect GitHub", "see:The Hub could not"]),
  hub("connect-folder", "/new?in=acme&project=shop", ["live"], ["button:A folder"]),
  hub("organization", "/acme"),
  hub("overview", "/acme/shop"),
  hub("versions", "/acme/shop/versions"),
  hub("version", "/acme/shop/versions/29", ["loading", "error", "live"]),
  hub("failed", "/acme/shop/versions/24", ["live"]),
  hub("traffic", "/acme/shop/prod/traffic"),
  hub("traffic-draft", "/acme/shop/prod/traffic", ["live"], ["slider"]),
  hub("flows", "/acme/shop/prod/flows"),
  hub("flow-step", "/acme/shop/prod/flows?flow=orders&step=src/payments/charge", ["live"]),
  hub("runs", "/acme/shop/prod/runs"),
  hub("runs-filtered", "/acme/shop/prod/runs?status=failed&text=tea", ["empty"]),
  hub("run", `/acme/shop/prod/runs/${run}`, ["loading", "error", "live"]),
  hub(
    "add-sample",
    `/acme/shop/prod/runs/${run}`,
    ["live", "empty"],
    ["button:Add as sample", "see:Name of the sample"],
  ),
  hub("logs", "/acme/shop/prod/logs"),
  hub("logs-wrapped", "/acme/shop/prod/logs?wrap=1", ["live"]),
  hub("endpoints", "/acme/shop/prod/endpoints"),
  hub("datasets", "/acme/shop/datasets"),
  hub("dataset", `/acme/shop/datasets/${id("dst", 1)}`),
  hub("settings", "/acme/shop/settings", ["empty", "live"]),
  hub("variables", "/acme/shop/prod/settings"),
  hub("organization-settings", "/acme/settings"),
  hub("fleet", "/fleet"),
  hub("palette", "/acme/shop", ["live"], ["key:Control+k"]),
  hub("help", "/acme/shop", ["live"], ["key:?"]),
  hub("not-found", "/acme/shop/nowhere/at/all", ["live"]),
  hub("stale", "/acme/shop/prod/runs", ["live"], ["drop"]),
  local("local-flows", "/flows"),
  local("local-runs", "/runs"),
  local("local-run", `/runs/${run}`, ["loading", "error", "live"]),
  local("local-logs", "/logs"),
  local("local-problems", "/problems"),
];
