import ELK from "elkjs/lib/elk.bundled.js";
import { describe, expect, it } from "vitest";
import type { Graph, GraphEdge, GraphNode } from "../api/types";
import { graph as shop } from "../fixtures/graph";
import { seeded, seeds } from "../testing/random";
import { type ElkGraph, elkGraph, HEIGHT, joined, pathThrough, placed, WIDTH, within } from "./layout";

const node = (id: string, flows: string[] = []): GraphNode => ({
  id,
  kind: "event",
  label: id,
  description: null,
  language: "python",
  file: null,
  flows,
  trigger: null,
});
const edge = (source: string, target: string, topic = "t", change: Partial<GraphEdge> = {}): GraphEdge => ({
  source,
  target,
  topic,
  virtual: false,
  conditional: false,
  caption: null,
  ...change,
});

async function layOut(graph: Graph, direction: "RIGHT" | "DOWN") {
  return placed(graph, (await new ELK().layout(elkGraph(graph, direction) as never)) as unknown as ElkGraph);
}

describe("a flow", () => {
  it("is its steps and the edges between them", () => {
    const graph = {
      nodes: [node("a", ["x"]), node("b", ["x", "y"]), node("c", ["y"])],
      edges: [edge("a", "b"), edge("b", "c")],
      flows: [],
    };
    const part = within(graph, "x");
    expect([part.nodes.map(({ id }) => id), part.edges.length]).toEqual([["a", "b"], 1]);
    expect(within(graph, "")).toBe(graph);
  });
});

describe("edges of one pair", () => {
  it("are one, with all topics, certain when one of them is", () => {
    const edges = [
      edge("a", "b", "one", { conditional: true }),
      edge("a", "b", "two"),
      edge("b", "a", "three"),
    ];
    expect(joined(edges).map(({ id, topic, conditional }) => [id, topic, conditional])).toEqual([
      ["a→b", "one, two", false],
      ["b→a", "three", false],
    ]);
  });

  it("stay apart when one leads outside the system", () => {
    expect(joined([edge("a", "b"), edge("a", "b", "t", { virtual: true })])).toHaveLength(2);
  });
});

describe("the layout", () => {
  it.each(["RIGHT", "DOWN"] as const)("draws every topic free of every step, %s", async (direction) => {
    const { nodes, edges } = await layOut(shop, direction);
    expect(nodes).toHaveLength(shop.nodes.length);
    for (const { label, topic, points } of edges) {
      expect(points.length).toBeGreaterThanOrEqual(2);
      const covered = nodes.filter(
        ({ x, y }) => label.x > x && label.x < x + WIDTH && label.y > y && label.y < y + HEIGHT,
      );
      expect(covered, topic).toEqual([]);
    }
  });

  it.each(seeds(12))("begins and ends each edge at its steps, cycles and all (seed %i)", async (seed) => {
    const random = seeded(seed);
    const ids = Array.from({ length: random.whole(1, 14) }, (_, index) => `s${index}`);
    const graph = {
      nodes: ids.map((id) => node(id)),
      edges: Array.from({ length: random.whole(0, 20) }, () =>
        edge(random.pick(ids), random.pick(ids), "topic.x"),
      ),
      flows: [],
    };
    const { nodes, edges } = await layOut(graph, "RIGHT");
    const at = new Map(nodes.map(({ node: { id }, x, y }) => [id, { x, y }]));
    for (const { source, target, points } of edges) {
      const touches = (id: string, point: { x: number; y: number }) =>
        point.x >= at.get(id)!.x - 1 &&
        point.x <= at.get(id)!.x + WIDTH + 1 &&
        point.y >= at.get(id)!.y - 1 &&
        point.y <= at.get(id)!.y + HEIGHT + 1;
      expect([touches(source, points[0]!), touches(target, points.at(-1)!)]).toEqual([true, true]);
    }
  });
});

describe("a path", () => {
  it("rounds its corners, no more than there is room for", () => {
    const points = [
      { x: 0, y: 0 },
      { x: 20, y: 0 },
      { x: 20, y: 4 },
    ];
    expect(pathThrough(points)).toBe("M0,0 L12,0 Q20,0 20,2 L20,4");
    expect(pathThrough([])).toBe("");
  });
});
