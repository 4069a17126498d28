import { useQuery } from "@tanstack/react-query";
import ELK from "elkjs/lib/elk-api.js";
import workerUrl from "elkjs/lib/elk-worker.min.js?url";
import type { Graph } from "../api/types";
import { type ElkGraph, elkGraph, placed } from "./layout";

let elk: InstanceType<typeof ELK> | undefined;

/** The graph laid out, off the main thread; kept as long as the graph is the same. */
export function useLayout(graph: Graph, direction: "RIGHT" | "DOWN") {
  return useQuery({
    queryKey: ["layout", direction, graph],
    queryFn: async () => {
      elk ??= new ELK({ workerUrl });
      return placed(graph, (await elk.layout(elkGraph(graph, direction) as never)) as unknown as ElkGraph);
    },
    staleTime: Number.POSITIVE_INFINITY,
    networkMode: "always",
    placeholderData: (before) => before,
  });
}
