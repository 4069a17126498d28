// From the graph as the server tells it to places on a sheet. elk lays out, in a worker of its own.
import type { Graph, GraphEdge, GraphNode } from "../api/types";

export const WIDTH = 216;
export const HEIGHT = 64;

export interface Placed {
  nodes: { node: GraphNode; x: number; y: number }[];
  edges: (GraphEdge & { id: string })[];
}

/** The part of a graph that a flow labels; the whole without one. */
export function within(graph: Graph, flow: string): Graph {
  if (!flow) return graph;
  const nodes = graph.nodes.filter((node) => node.flows.includes(flow));
  const kept = new Set(nodes.map((node) => node.id));
  return {
    ...graph,
    nodes,
    edges: graph.edges.filter((edge) => kept.has(edge.source) && kept.has(edge.target)),
  };
}

/** Edges of one pair drawn as one, all its topics on it; ids are stable. */
export function joined(edges: readonly GraphEdge[]): (GraphEdge & { id: string })[] {
  const byPair = new Map<string, GraphEdge & { id: string }>();
  for (const edge of edges) {
    const id = `${edge.source}→${edge.target}${edge.virtual ? " (virtual)" : ""}`;
    const known = byPair.get(id);
    if (!known) byPair.set(id, { ...edge, id });
    else
      byPair.set(id, {
        ...known,
        topic: `${known.topic}, ${edge.topic}`,
        conditional: known.conditional && edge.conditional,
      });
  }
  return [...byPair.values()];
}

export interface ElkGraph {
  id: string;
  layoutOptions: Record<string, string>;
  children: { id: string; width: number; height: number; x?: number; y?: number }[];
  edges: {
    id: string;
    sources: string[];
    targets: string[];
    labels: { text: string; width: number; height: number }[];
  }[];
}

export function elkGraph(graph: Graph, direction: "RIGHT" | "DOWN"): ElkGraph {
  return {
    id: "root",
    layoutOptions: {
      "elk.algorithm": "layered",
      "elk.direction": direction,
      "elk.layered.spacing.nodeNodeBetweenLayers": direction === "RIGHT" ? "56" : "44",
      "elk.spacing.nodeNode": "28",
      "elk.spacing.componentComponent": "48",
      "elk.spacing.edgeNode": "20",
      "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
      "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
    },
    children: graph.nodes.map(({ id }) => ({ id, width: WIDTH, height: HEIGHT })),
    edges: joined(graph.edges).map(({ id, source, target, topic }) => ({
      id,
      sources: [source],
      targets: [target],
      labels: [{ text: topic, width: Math.min(200, topic.length * 7 + 16), height: 20 }],
    })),
  };
}

export function placed(graph: Graph, laidOut: ElkGraph): Placed {
  const at = new Map(laidOut.children.map((child) => [child.id, child]));
  return {
    nodes: graph.nodes.map((node) => ({ node, x: at.get(node.id)?.x ?? 0, y: at.get(node.id)?.y ?? 0 })),
    edges: joined(graph.edges),
  };
}
