// Fields and what they stand in.
import type { ComponentProps, ReactNode } from "react";
import css from "./forms.module.css";
import { cx } from "./parts";

export function Input(props: ComponentProps<"input"> & { small?: boolean }) {
  const { small, className, ...rest } = props;
  return <input className={cx(css.input, small && css.inputSmall, className)} {...rest} />;
}

export function Choice(props: ComponentProps<"select"> & { small?: boolean }) {
  const { small, className, ...rest } = props;
  return <select className={cx(css.input, small && css.inputSmall, className)} {...rest} />;
}

export function Field(props: {
  id: string;
  label: string;
  hint?: ReactNode;
  wrong?: string | undefined;
  children: ReactNode;
}) {
  return (
    <div className={css.field}>
      <label htmlFor={props.id}>{props.label}</label>
      {props.children}
      {props.wrong ? (
        <small id={`${props.id}-wrong`} className={css.wrong} role="alert">
          {props.wrong}
        </small>
      ) : (
        props.hint && <small id={`${props.id}-hint`}>{props.hint}</small>
      )}
    </div>
  );
}

export const formClass = css.form;
export const rowClass = css.row;

export function Segments({ label, children }: { label: string; children: ReactNode }) {
  return (
    <fieldset className={css.segments} aria-label={label} style={{ margin: 0 }}>
      {children}
    </fieldset>
  );
}
