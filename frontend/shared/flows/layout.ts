// From the graph as the server tells it to places on a sheet. elk lays out, in a worker of its own.
import type { Graph, GraphEdge, GraphNode } from "../api/types";

export const WIDTH = 208;
export const HEIGHT = 64;

export interface Point {
  x: number;
  y: number;
}

/** An edge with its way around the steps, and where its topics stand free of all else. */
export interface PlacedEdge extends GraphEdge {
  id: string;
  points: Point[];
  label: Point;
}

export interface Placed {
  nodes: ({ node: GraphNode } & Point)[];
  edges: PlacedEdge[];
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

/** What is written on an edge. */
export const captionOf = (edge: GraphEdge): string => edge.caption ?? edge.topic;

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
        caption: known.caption || edge.caption ? `${captionOf(known)}, ${captionOf(edge)}` : null,
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
    labels: ({ text: string; width: number; height: number } & Partial<Point>)[];
    sections?: { startPoint: Point; bendPoints?: Point[]; endPoint: Point }[];
  }[];
}

/** As wide as the label's 11 px letters, all of one width, and its padding. */
const labelWidth = (topic: string) => Math.min(200, Math.ceil(topic.length * 6.7) + 14);

export function elkGraph(graph: Graph, direction: "RIGHT" | "DOWN"): ElkGraph {
  return {
    id: "root",
    layoutOptions: {
      "elk.algorithm": "layered",
      "elk.direction": direction,
      "elk.edgeRouting": "ORTHOGONAL",
      "elk.layered.spacing.nodeNodeBetweenLayers": "26",
      "elk.layered.spacing.edgeNodeBetweenLayers": "18",
      "elk.spacing.edgeLabel": "2",
      "elk.spacing.nodeNode": "28",
      "elk.spacing.componentComponent": "48",
      "elk.spacing.edgeNode": "20",
      "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
      "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
      "elk.layered.nodePlacement.favorStraightEdges": "true",
    },
    children: graph.nodes.map(({ id }) => ({ id, width: WIDTH, height: HEIGHT })),
    edges: joined(graph.edges).map((edge) => ({
      id: edge.id,
      sources: [edge.source],
      targets: [edge.target],
      labels: [{ text: captionOf(edge), width: labelWidth(captionOf(edge)), height: 20 }],
    })),
  };
}

export function placed(graph: Graph, laidOut: ElkGraph): Placed {
  const at = new Map(laidOut.children.map((child) => [child.id, child]));
  return {
    nodes: graph.nodes.map((node) => ({ node, x: at.get(node.id)?.x ?? 0, y: at.get(node.id)?.y ?? 0 })),
    edges: joined(graph.edges).map((edge) => ({
      ...edge,
      ...wayOf(laidOut.edges.find(({ id }) => id === edge.id)),
    })),
  };
}

function wayOf(edge: ElkGraph["edges"][number] | undefined): { points: Point[]; label: Point } {
  const section = edge?.sections?.[0];
  const label = edge?.labels[0];
  return {
    points: section ? [section.startPoint, ...(section.bendPoints ?? []), section.endPoint] : [],
    label: { x: (label?.x ?? 0) + (label?.width ?? 0) / 2, y: (label?.y ?? 0) + (label?.height ?? 0) / 2 },
  };
}

/** An SVG path through the points, its corners rounded. */
export function pathThrough(points: readonly Point[], radius = 8): string {
  const parts = points.map((point, index) => {
    const before = points[index - 1];
    const after = points[index + 1];
    if (!before) return `M${point.x},${point.y}`;
    if (!after) return `L${point.x},${point.y}`;
    const near = (other: Point) => {
      const length = Math.hypot(other.x - point.x, other.y - point.y) || 1;
      const share = Math.min(radius, length / 2) / length;
      return `${point.x + (other.x - point.x) * share},${point.y + (other.y - point.y) * share}`;
    };
    return `L${near(before)} Q${point.x},${point.y} ${near(after)}`;
  });
  return parts.join(" ");
}
