import { BaseEdge, type Edge, EdgeLabelRenderer, type EdgeProps } from "@xyflow/react";
import css from "./flows.module.css";
import { captionOf, type PlacedEdge, pathThrough } from "./layout";

export type TopicEdgeType = Edge<{ edge: PlacedEdge; near: boolean }, "topic">;

/** The way that the layout found, with the topics where it kept room for them. */
export function TopicEdge({ data, markerEnd }: EdgeProps<TopicEdgeType>) {
  if (!data) return null;
  const { edge, near } = data;
  const dash = edge.virtual ? "2 5" : edge.conditional ? "7 4" : undefined;
  return (
    <>
      <BaseEdge path={pathThrough(edge.points)} markerEnd={markerEnd!} style={{ strokeDasharray: dash }} />
      <EdgeLabelRenderer>
        <span
          className={css.topic}
          data-near={near}
          title={edge.topic}
          style={{ transform: `translate(-50%, -50%) translate(${edge.label.x}px, ${edge.label.y}px)` }}
        >
          {captionOf(edge)}
        </span>
      </EdgeLabelRenderer>
    </>
  );
}
