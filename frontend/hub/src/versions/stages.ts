// A build's stages as the page shows them: how far it came and how long each took.
import type { BuildState } from "@shared/api/types";

export const STAGES = ["queued", "fetching", "installing", "compiling", "uploading"] as const;
export type Stage = (typeof STAGES)[number];

export interface StageView {
  stage: Stage;
  label: string;
  state: "done" | "now" | "failed" | "ahead";
  seconds: number | null;
}

const LABELS: Record<Stage, string> = {
  queued: "Queue",
  fetching: "Fetch",
  installing: "Install",
  compiling: "Compile",
  uploading: "Upload",
};

/** A stage with a duration is over; a failed build fails in the first one without, or else in its last. */
export function stagesOf(state: BuildState, durations: Record<string, number>): StageView[] {
  const took = (stage: Stage) => durations[`${stage}_s`] ?? null;
  const now = STAGES.indexOf(state as Stage);
  const lastTimed = STAGES.reduce((last, stage, index) => (took(stage) === null ? last : index), 0);
  const place = (index: number): StageView["state"] => {
    if (state === "ready") return "done";
    if (now >= 0) return index < now ? "done" : index === now ? "now" : "ahead";
    if (index < lastTimed) return "done";
    return index === lastTimed ? (state === "failed" ? "failed" : "done") : "ahead";
  };
  return STAGES.map((stage, index) => ({
    stage,
    label: LABELS[stage],
    state: place(index),
    seconds: took(stage),
  }));
}
