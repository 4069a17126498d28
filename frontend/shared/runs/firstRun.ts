import type { Graph } from "../api/types";
import type { Place } from "../shell/place";
import { useGraph } from "./RunFilters";

/** `POST /orders/:shop` as a command to try. */
export function tryIt(trigger: string, address: string): string {
  const [method = "GET", path = "/"] = trigger.split(" ");
  const body = method === "GET" || method === "DELETE" ? "" : " -H 'content-type: application/json' -d '{}'";
  return `curl -X ${method} ${address}${path}${body}`;
}

/** What makes a first run at a place: a call of an endpoint of what serves, or a deploy while nothing does. */
export function firstRunOf(place: Place, graph: Graph | undefined): string {
  const endpoint = place.address && graph?.nodes.find((node) => node.kind === "api");
  return endpoint ? tryIt(endpoint.trigger ?? endpoint.label, place.address!) : place.firstRun;
}

export function useFirstRun(place: Place): string {
  return firstRunOf(place, useGraph().data);
}
