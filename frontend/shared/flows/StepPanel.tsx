import type { Graph, GraphNode } from "../api/types";
import { Copy } from "../design/Copy";
import { Button, buttonClass } from "../design/parts";
import { Facts } from "../design/tables";
import { Language } from "../runs/Language";
import { Go } from "../shell/Go";
import { usePlace } from "../shell/place";
import css from "./flows.module.css";
import { kindOf } from "./kinds";

/** What is known of one step, and the ways on from it. */
export function StepPanel(props: { graph: Graph; step: GraphNode; close: () => void }) {
  const { graph, step, close } = props;
  const place = usePlace();
  const into = graph.edges.filter((edge) => edge.target === step.id);
  const out = graph.edges.filter((edge) => edge.source === step.id);
  const label = (id: string) => graph.nodes.find((node) => node.id === id)?.label ?? id;
  return (
    <aside className={css.aside} aria-label={step.label}>
      <div>
        <div className={css.asideHead}>
          <h2>{step.label}</h2>
          <Language language={step.language} />
          <Button look="plain" size="small" icon="close" aria-label="Close" onClick={close} />
        </div>
        {step.description && <p className="quiet">{step.description}</p>}
        <Facts
          rows={[
            ["Kind", kindOf(step.kind)],
            ...(step.trigger
              ? ([[step.kind === "noop" ? "Task" : "Trigger", <code key="trigger">{step.trigger}</code>]] as [
                  string,
                  React.ReactNode,
                ][])
              : []),
            ...(step.file
              ? ([
                  [
                    "File",
                    <span key="file">
                      <code>{step.file}</code> <Copy text={step.file} what="file" />
                    </span>,
                  ],
                ] as [string, React.ReactNode][])
              : []),
            ["Flows", step.flows.join(", ") || "none"],
          ]}
        />
        <Topics title="Hears" rows={into.map((edge) => [edge.topic, label(edge.source)])} />
        <Topics title="Emits" rows={out.map((edge) => [edge.topic, label(edge.target)])} />
        {(step.kind !== "noop" || step.trigger) && (
          <div style={{ display: "flex", gap: 8 }}>
            <Go className={buttonClass()} to={`${place.url}/runs`} search={{ step: step.id }}>
              Its runs
            </Go>
            <Go className={buttonClass()} to={`${place.url}/logs`} search={{ step: step.id }}>
              Its log
            </Go>
          </div>
        )}
      </div>
    </aside>
  );
}

function Topics({ title, rows }: { title: string; rows: [string, string][] }) {
  if (rows.length === 0) return null;
  return (
    <div className={css.topics}>
      <h3>{title}</h3>
      <ul>
        {rows.map(([topic, step]) => (
          <li key={`${topic} ${step}`}>
            <code>{topic}</code>
            <span className="quiet clip">{step}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
