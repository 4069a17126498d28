import { explain } from "@shared/api/failure";
import type { Traffic } from "@shared/api/types";
import { Input } from "@shared/design/forms";
import { Button, Note, Panel, VersionMark, WeightBar } from "@shared/design/parts";
import type { UseMutationResult } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import css from "./traffic.module.css";
import { useDraft } from "./useTraffic";
import { WeightRow } from "./WeightRow";
import { type Change, changes, even, setShare, showPercent } from "./weights";

type Apply = UseMutationResult<
  Traffic,
  Error,
  { weights: Record<string, number>; if_generation: number; note?: string }
>;

/** The sliders, and before anything happens: what would change. */
export function Weights({ traffic, apply }: { traffic: Traffic; apply: Apply }) {
  const draft = useDraft(traffic);
  const [note, setNote] = useState("");
  const after = draft.shown.map((deployment, index) => ({
    version: deployment.version,
    weight: draft.shares[index]!.weight,
  }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const weights = Object.fromEntries(draft.shares.map(({ id, weight }) => [id, weight]));
    apply.mutate(
      { weights, if_generation: draft.generation, ...(note.trim() && { note: note.trim() }) },
      {
        onSuccess: () => {
          draft.discard();
          setNote("");
        },
      },
    );
  };
  return (
    <Panel
      flush
      title="Weights"
      side={
        <Button size="small" look="plain" onClick={() => draft.edit(even(draft.shares))}>
          Split evenly
        </Button>
      }
    >
      <div className={css.rows}>
        {draft.shown.map((deployment, index) => (
          <WeightRow
            key={deployment.id}
            deployment={deployment}
            share={draft.shares[index]!}
            alone={draft.shown.length === 1}
            set={(weight) => draft.edit(setShare(draft.shares, deployment.id, weight))}
            lock={(locked) =>
              draft.edit(
                draft.shares.map((share) => (share.id === deployment.id ? { ...share, locked } : share)),
              )
            }
          />
        ))}
      </div>
      {draft.isStale && (
        <Note tone="wait" action={<Button onClick={draft.discard}>Start from the new weights</Button>}>
          The weights changed while you were choosing yours, which would undo that change.
        </Note>
      )}
      <Preview now={draft.shown} after={after} changed={draft.changed} />
      <form className={css.apply} onSubmit={submit}>
        <Input
          small
          aria-label="Why (shown in the history)"
          placeholder="Why? (shown in the history)"
          value={note}
          maxLength={200}
          onChange={(event) => setNote(event.target.value)}
        />
        <Button disabled={!draft.changed} onClick={draft.discard}>
          Discard
        </Button>
        <Button look="main" type="submit" disabled={!draft.changed || draft.isStale || apply.isPending}>
          {apply.isPending ? "Applying…" : "Apply weights"}
        </Button>
      </form>
      {apply.error && (
        <p className={css.wrong} role="alert">
          {explain(apply.error)}
        </p>
      )}
    </Panel>
  );
}

interface PreviewProps {
  now: { version: number; weight: number }[];
  after: { version: number; weight: number }[];
  changed: boolean;
}

function Preview({ now, after, changed }: PreviewProps) {
  const differing = changes(now, after);
  return (
    <div className={css.preview}>
      <span>Now</span>
      <WeightBar tall parts={now} label="Weights now" />
      <span>After</span>
      <WeightBar tall parts={after} label="Weights after" />
      <ul className={css.changes} aria-live="polite">
        {changed ? (
          differing.map((change) => <ChangeWords key={change.version} {...change} />)
        ) : (
          <li className="quiet">Move a slider to see what would change.</li>
        )}
      </ul>
    </div>
  );
}

function ChangeWords({ version, from, to }: Change) {
  const end = to === 0 ? ", takes no new run" : "";
  return (
    <li>
      <VersionMark number={version} />
      {showPercent(from)} → {showPercent(to)} %{end}
    </li>
  );
}
