// The small parts that every screen is made of. No fetching, no routes.
import type { ButtonHTMLAttributes, ReactNode } from "react";
import { Icon, type IconName } from "./icons";
import css from "./parts.module.css";
import type { Tone } from "./tone";

const TONES: Record<Tone, string | undefined> = {
  good: css.good,
  busy: css.busy,
  wait: css.wait,
  bad: css.bad,
  dead: css.deadTone,
  calm: css.calm,
};

export const cx = (...names: (string | false | null | undefined)[]) => names.filter(Boolean).join(" ");

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: "main" | "plain" | "danger";
  size?: "small" | "wide";
  icon?: IconName;
}

export function Button({ look, size, icon, className, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      className={cx(css.button, look && css[look], size && css[size], className)}
      {...rest}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export const buttonClass = (look?: "main" | "plain", size?: "small" | "wide") =>
  cx(css.button, look && css[look], size && css[size]);

export function Badge(props: {
  tone: Tone;
  children: ReactNode;
  bare?: boolean;
  dot?: boolean;
  pulse?: boolean;
}) {
  const { tone, children, bare, dot = true, pulse } = props;
  return (
    <span className={cx(css.badge, TONES[tone], bare && css.bare, pulse && css.pulse)}>
      {dot && <i className={css.dot} />}
      {children}
    </span>
  );
}

export function Page({ full, children }: { full?: boolean; children: ReactNode }) {
  return <div className={cx(css.page, full && css.full)}>{children}</div>;
}

export function PageHead({
  title,
  about,
  children,
}: {
  title: ReactNode;
  about?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <header className={css.head}>
      <div className={css.headText}>
        <h1>{title}</h1>
        {about && <p>{about}</p>}
      </div>
      {children && <div className={css.headSide}>{children}</div>}
    </header>
  );
}

interface PanelProps {
  title?: ReactNode;
  side?: ReactNode;
  flush?: boolean;
  children: ReactNode;
  className?: string;
}

export function Panel({ title, side, flush, children, className }: PanelProps) {
  return (
    <section className={cx(css.panel, className)}>
      {title && (
        <header className={css.panelHead}>
          <h2>{title}</h2>
          {side}
        </header>
      )}
      {flush ? children : <div className={css.panelBody}>{children}</div>}
    </section>
  );
}

const NOTES = { calm: undefined, wait: css.waitNote, bad: css.badNote, good: css.goodNote };

export function Note({
  tone = "calm",
  children,
  action,
}: {
  tone?: keyof typeof NOTES;
  children: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className={cx(css.note, NOTES[tone])} role={tone === "bad" ? "alert" : "status"}>
      <div>{children}</div>
      {action}
    </div>
  );
}

export function Kbd({ children }: { children: ReactNode }) {
  return <kbd className={css.kbd}>{children}</kbd>;
}

/** The hue that a version keeps on every screen. */
export const versionColor = (number: number | null) =>
  number === null ? "var(--calm)" : `var(--v${number % 8})`;

export function VersionMark({ number, children }: { number: number; children?: ReactNode }) {
  return (
    <span className={css.version}>
      <i style={{ background: versionColor(number) }} />
      {children ?? `v${number}`}
    </span>
  );
}

export interface Weighed {
  version: number;
  weight: number;
}

/** A version may stand there twice, while its successor with new variables takes over. */
export function byVersion(parts: readonly Weighed[]): Weighed[] {
  const total = new Map<number, number>();
  for (const { version, weight } of parts) total.set(version, (total.get(version) ?? 0) + weight);
  return [...total].map(([version, weight]) => ({ version, weight }));
}

/** Weights as one bar; says itself in words to those who do not see it. */
export function WeightBar({
  parts,
  tall,
  label,
}: {
  parts: readonly Weighed[];
  tall?: boolean;
  label?: string;
}) {
  const serving = byVersion(parts).filter((part) => part.weight > 0);
  const words = serving.map((part) => `version ${part.version}: ${part.weight / 100} %`).join(", ");
  return (
    <div
      className={cx(css.bar, tall && css.tall)}
      role="img"
      aria-label={`${label ?? "Weights"}: ${words || "nothing serves"}`}
    >
      {serving.map((part) => (
        <span
          key={part.version}
          style={{ width: `${part.weight / 100}%`, background: versionColor(part.version) }}
        />
      ))}
    </div>
  );
}
