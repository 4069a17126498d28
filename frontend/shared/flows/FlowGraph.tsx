import "@xyflow/react/dist/base.css";
import {
  Background,
  Controls,
  MarkerType,
  ReactFlow,
  ReactFlowProvider,
  useNodesInitialized,
  useReactFlow,
} from "@xyflow/react";
import { useEffect, useMemo } from "react";
import type { Graph } from "../api/types";
import { Failure } from "../design/states";
import { Rows } from "../design/Waiting";
import { useNarrow } from "../shell/useNarrow";
import css from "./flows.module.css";
import { kindOf } from "./kinds";
import { HEIGHT, type Placed, WIDTH } from "./layout";
import { StepNode, type StepNodeType } from "./StepNode";
import { TopicEdge, type TopicEdgeType } from "./TopicEdge";
import { useLayout } from "./useLayout";

const nodeTypes = { step: StepNode };
const edgeTypes = { topic: TopicEdge };
/** All of it where that can be read; else its beginning, to pan from. */
const FIT = { padding: 0.06, minZoom: 0.55, maxZoom: 1 };

interface FlowGraphProps {
  graph: Graph;
  chosen: string | undefined;
  choose: (step: string | undefined) => void;
}

export function FlowGraph(props: FlowGraphProps) {
  return (
    <ReactFlowProvider>
      <Sheet {...props} />
    </ReactFlowProvider>
  );
}

function Sheet({ graph, chosen, choose }: FlowGraphProps) {
  const direction = useNarrow() ? "DOWN" : "RIGHT";
  const layout = useLayout(graph, direction);
  const nodes = useMemo(() => nodesOf(layout.data, direction, chosen), [layout.data, direction, chosen]);
  const edges = useMemo(() => edgesOf(layout.data, chosen), [layout.data, chosen]);
  if (layout.isError && !layout.data) {
    return <Failure error={layout.error} retry={() => void layout.refetch()} />;
  }
  if (!layout.data) return <Rows count={8} />;
  return (
    <ReactFlow
      className={css.sheet}
      nodes={nodes}
      edges={edges}
      nodeTypes={nodeTypes}
      edgeTypes={edgeTypes}
      nodesDraggable={false}
      nodesConnectable={false}
      edgesFocusable={false}
      elementsSelectable
      minZoom={0.2}
      maxZoom={1.6}
      fitView
      fitViewOptions={FIT}
      onNodesChange={(changes) => {
        for (const change of changes) {
          if (change.type === "select" && change.selected) choose(change.id);
        }
      }}
      onPaneClick={() => choose(undefined)}
      attributionPosition="bottom-left"
      aria-label="Flow graph"
    >
      <Background gap={22} size={1} color="var(--line-strong)" />
      <Controls showInteractive={false} position="bottom-right" />
      <Fit of={layout.data} />
    </ReactFlow>
  );
}

/** Shows the whole picture again when another flow is chosen. */
function Fit({ of }: { of: Placed }) {
  const ready = useNodesInitialized();
  const { fitView } = useReactFlow();
  useEffect(() => {
    if (ready) void fitView(FIT);
  }, [ready, of, fitView]);
  return null;
}

function nodesOf(layout: Placed | undefined, direction: "RIGHT" | "DOWN", chosen?: string): StepNodeType[] {
  return (layout?.nodes ?? []).map(({ node, x, y }) => ({
    id: node.id,
    type: "step",
    position: { x, y },
    width: WIDTH,
    height: HEIGHT,
    selected: node.id === chosen,
    data: { step: node, direction },
    ariaLabel: `${kindOf(node.kind)} ${node.label}`,
  }));
}

function edgesOf(layout: Placed | undefined, chosen?: string): TopicEdgeType[] {
  return (layout?.edges ?? []).map((edge) => {
    const near = edge.source === chosen || edge.target === chosen;
    const color = near ? "var(--accent)" : "var(--edge)";
    return {
      id: edge.id,
      source: edge.source,
      target: edge.target,
      type: "topic",
      data: { edge, near },
      ...(near && { className: css.near, zIndex: 1 }),
      markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14, color },
    };
  });
}
