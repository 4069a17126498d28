// The states a screen can be in besides "here it is": nothing yet, failed, old.
import type { ReactNode } from "react";
import { ApiFailure, explain } from "../api/failure";
import { CopyLine } from "./Copy";
import { Button, Note } from "./parts";
import css from "./states.module.css";

/** Nothing here yet, and what brings something here. */
export function Empty(props: { title: string; children?: ReactNode; command?: string; action?: ReactNode }) {
  return (
    <div className={css.empty}>
      <h2>{props.title}</h2>
      {props.children && <p>{props.children}</p>}
      {props.command && <CopyLine text={props.command} />}
      {props.action}
    </div>
  );
}

/** What failed, its code, what to do, and the button that tries again. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const known = error instanceof ApiFailure ? error : null;
  const isGone = known?.isGone && !known.hint;
  return (
    <div className={css.failure} role="alert">
      <h2>{isGone ? "There is nothing here" : (known?.message ?? "This screen failed to load")}</h2>
      {isGone && <p>It may have been deleted, be kept no longer, or not have arrived yet.</p>}
      {known?.hint && <p>{known.hint}</p>}
      <code>{known?.code ?? (error instanceof Error ? error.message : String(error))}</code>
      {retry && (
        <Button size="small" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Why something that was asked for was not done, and what to do; nothing when it was. */
export function Refused({ error }: { error: unknown }) {
  return error ? <Note tone="bad">{explain(error)}</Note> : null;
}
