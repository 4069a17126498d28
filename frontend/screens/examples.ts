// An example of what each route answers, as the screens read it; a test on the Hub's side holds its OpenAPI document to them.
import { graph } from "../shared/fixtures/graph";
import * as hub from "../shared/fixtures/hub";
import { lines } from "../shared/fixtures/lines";
import { aRunDetail, runs } from "../shared/fixtures/runs";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const list = (items: unknown[]) => ({ items, next: null });

/** By the document's paths, without `/api/v1`. */
export const examples: Record<string, unknown[]> = {
  "/me": [hub.me],
  "/organizations/{organization}": [hub.me.organizations[0]],
  "/organizations/{organization}/members": [list(hub.members)],
  "/organizations/{organization}/projects": [list([hub.project])],
  "/organizations/{organization}/projects/{slug}": [hub.project, hub.emptyProject],
  "/projects/{project}/versions": [list(hub.versions(NOW))],
  "/versions/{version}": hub.versions(NOW),
  "/versions/{version}/lines": [hub.buildLines(NOW, false), hub.buildLines(NOW, true)],
  "/environments/{environment}/traffic": [hub.traffic(NOW)],
  "/environments/{environment}/variables": [list(hub.variables(NOW))],
  "/environments/{environment}/events-keys": [hub.events(NOW)],
  "/projects/{project}/datasets": [list(hub.datasets(NOW))],
  "/datasets/{dataset}": hub.datasets(NOW),
  "/datasets/{dataset}/samples": [list(hub.samples(NOW))],
  "/samples/{sample}": [hub.sample(NOW)],
  "/tokens": [list(hub.tokens(NOW))],
  "/fleet": [{ machines: hub.machines(NOW) }],
};

/** By the name of the shape in wistro/protocol/reading.py, which both servers answer with. */
export const readings: Record<string, unknown> = {
  RunPage: runs(NOW, 12),
  RunDetail: aRunDetail(NOW),
  LinePage: lines(NOW),
  Graph: graph,
};
