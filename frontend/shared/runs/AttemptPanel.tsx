import type { ReactNode } from "react";
import type { AttemptView, StateTouch } from "../api/types";
import { Id } from "../design/Copy";
import { length } from "../design/format";
import { Json } from "../design/Json";
import { Badge, Panel } from "../design/parts";
import { Go } from "../shell/Go";
import { usePlace } from "../shell/place";
import { Language } from "./Language";
import css from "./run.module.css";
import { describeOutcome } from "./status";
import type { Bar } from "./waterfall";

/** One attempt, whole: what came in, what it touched and emitted, how it ended. */
export function AttemptPanel({ bar, run }: { bar: Bar; run: string }) {
  const { attempt } = bar;
  const place = usePlace();
  const { label, tone } = describeOutcome(attempt.outcome);
  return (
    <Panel
      flush
      title={
        <span className={css.name}>
          <Language language={attempt.language} />
          <span className="clip">{attempt.step_name}</span>
        </span>
      }
      side={<Badge tone={tone}>{label}</Badge>}
    >
      <div className={css.detail}>
        <Failed attempt={attempt} />
        <section className={css.section}>
          <div className={css.facts}>
            <div>
              <code>{attempt.step}</code>
            </div>
            <div>
              Try <b>{attempt.number}</b>
            </div>
            <div>
              <Id id={attempt.id} />
            </div>
            <Go
              className="link"
              to={`${place.url}/logs`}
              search={{ run, step: attempt.step, attempt: attempt.id }}
            >
              Its log lines
            </Go>
          </div>
        </section>
        <Times bar={bar} />
        <Part title={attempt.topic ? `Input, from ${attempt.topic}` : "Input"}>
          <Json value={attempt.input} label="input" />
        </Part>
        {attempt.emits.length > 0 && (
          <Part title={`Emitted ${attempt.emits.length}`}>
            {attempt.emits.map((emit) => (
              <div key={emit.ordinal} className={css.emit}>
                <div>
                  <Badge tone="busy" dot={false}>
                    {emit.topic}
                  </Badge>
                </div>
                <Json value={emit.data} label={`emit ${emit.topic}`} />
              </div>
            ))}
          </Part>
        )}
        <Touches title="State read" touches={attempt.reads} />
        <Touches title="State written" touches={attempt.writes} />
        {attempt.answer !== null && attempt.answer !== undefined && (
          <Part title="Answer">
            <Json value={attempt.answer} label="answer" />
          </Part>
        )}
      </div>
    </Panel>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={css.section}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

/** What the engine's own errors mean to whoever wrote the step. */
const MEANS: Record<string, string> = {
  HostLost:
    "The process that ran the step ended before the step did: it was killed, ran out of memory, crashed or called exit. What it wrote last is in the log.",
  TimedOut: "Nothing of this try counts. A step may take longer with `timeout` in its config.",
};

function Failed({ attempt: { error } }: { attempt: AttemptView }) {
  if (!error) return null;
  return (
    <section className={`${css.section} ${css.error}`}>
      <strong>{error.type}</strong>
      <p>{error.message}</p>
      {MEANS[error.type] && <p className="quiet">{MEANS[error.type]}</p>}
      {error.code && <code>{error.code}</code>}
      {error.stack && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        <pre tabIndex={0}>{error.stack}</pre>
      )}
    </section>
  );
}

function Times({ bar }: { bar: Bar }) {
  const whole = Math.max(1, bar.attempt.queue_wait_us + bar.attempt.run_us + bar.overhead_us);
  const rows: [string, number, string][] = [
    ["Waited in queue", bar.attempt.queue_wait_us, "var(--line-strong)"],
    ["Ran", bar.attempt.run_us, "var(--v0)"],
    ["Overhead", bar.overhead_us, "var(--ink-3)"],
  ];
  return (
    <section className={`${css.section} ${css.bars}`} aria-label="Where the time went">
      {rows.map(([name, us, color]) => (
        <div key={name} style={{ display: "contents" }}>
          <span className="quiet">{name}</span>
          <i style={{ width: `${(us / whole) * 100}%`, background: color }} />
          <span>{length(us)}</span>
        </div>
      ))}
    </section>
  );
}

function Touches({ title, touches }: { title: string; touches: StateTouch[] }) {
  if (touches.length === 0) return null;
  return (
    <Part title={title}>
      {touches.map((touch, index) => (
        <div key={index} className={css.emit}>
          <div>
            <Badge tone="calm" dot={false}>
              {touch.op}
            </Badge>
            <code>{touch.key ? `${touch.group} / ${touch.key}` : touch.group}</code>
          </div>
          {touch.value !== undefined && touch.value !== null && (
            <Json value={touch.value} label={`${touch.group} ${touch.key}`} />
          )}
        </div>
      ))}
    </Part>
  );
}
