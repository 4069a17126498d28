import { Handle, type Node, type NodeProps, Position } from "@xyflow/react";
import type { GraphNode } from "../api/types";
import { Icon } from "../design/icons";
import { Language } from "../runs/Language";
import css from "./flows.module.css";
import { iconOf, kindOf } from "./kinds";

export type StepNodeType = Node<{ step: GraphNode; direction: "RIGHT" | "DOWN" }, "step">;

export function StepNode({ data: { step, direction } }: NodeProps<StepNodeType>) {
  const wide = direction === "RIGHT";
  return (
    <div className={css.node} data-kind={step.kind}>
      <Handle type="target" position={wide ? Position.Left : Position.Top} isConnectable={false} />
      <span className={css.icon}>
        <Icon name={iconOf(step.kind)} />
      </span>
      <span className={css.words}>
        <strong className="clip">{step.label}</strong>
        <small className="clip">{step.trigger ?? step.file ?? kindOf(step.kind)}</small>
      </span>
      <Language language={step.language} />
      <Handle type="source" position={wide ? Position.Right : Position.Bottom} isConnectable={false} />
    </div>
  );
}
