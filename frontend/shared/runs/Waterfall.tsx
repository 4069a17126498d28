import type { CSSProperties } from "react";
import { length } from "../design/format";
import { Badge } from "../design/parts";
import { Language } from "./Language";
import css from "./run.module.css";
import { describeOutcome } from "./status";
import type { Bar, Waterfall as Layout } from "./waterfall";

const part = (each: { from: number; size: number }) => ({
  left: `${each.from * 100}%`,
  width: `${each.size * 100}%`,
});

export function Waterfall(props: { layout: Layout; chosen: string | null; choose: (id: string) => void }) {
  const { layout, chosen, choose } = props;
  const tick = { "--tick": `${(layout.ticks[1]?.at ?? 1) * 100}%` } as CSSProperties;
  return (
    <div className={css.waterfall} style={tick}>
      <div className={css.axis} aria-hidden="true">
        {layout.ticks.map((tick) => (
          <span key={tick.us} style={{ left: `${tick.at * 100}%` }}>
            {tick.us === 0 ? "0" : length(tick.us)}
          </span>
        ))}
      </div>
      <ol aria-label="Attempts">
        {layout.bars.map((bar) => (
          <li key={bar.attempt.id}>
            <Attempt bar={bar} pressed={bar.attempt.id === chosen} choose={() => choose(bar.attempt.id)} />
          </li>
        ))}
      </ol>
    </div>
  );
}

function Attempt({ bar, pressed, choose }: { bar: Bar; pressed: boolean; choose: () => void }) {
  const { attempt } = bar;
  const { label, tone } = describeOutcome(attempt.outcome);
  const words = `Try ${attempt.number}: ${label}. Waited ${length(attempt.queue_wait_us)}, ran`;
  return (
    <button
      type="button"
      className={css.attempt}
      aria-pressed={pressed}
      title={`${words} ${length(attempt.run_us)}`}
      onClick={choose}
      data-attempt={attempt.id}
    >
      <span className={css.name} style={{ paddingLeft: 16 + Math.min(bar.depth, 6) * 14 }}>
        <Language language={attempt.language} />
        <span className="clip">{attempt.step_name}</span>
        {attempt.number > 1 && <small>try {attempt.number}</small>}
        {attempt.outcome !== "done" && (
          <Badge tone={tone} bare>
            <span className="sr">{label}</span>
          </Badge>
        )}
      </span>
      <span className={css.track}>
        <i className={css.queue} style={part(bar.queue)} />
        <i className={css.run} data-outcome={attempt.outcome} style={part(bar.run)} />
        {bar.overhead.size > 0 && <i className={css.overhead} style={part(bar.overhead)} />}
      </span>
      <span className="sr">{words}</span>
      <span className={css.took}>{length(attempt.run_us)}</span>
    </button>
  );
}
