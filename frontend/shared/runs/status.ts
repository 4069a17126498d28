// States in words and tones. One place, so that a state looks the same on every screen.
import type { BuildState, DeploymentState, Outcome, RunStatus } from "../api/types";
import type { Described } from "../design/tone";

const RUNS: Record<RunStatus, Described> = {
  running: { label: "Running", tone: "busy" },
  waiting: { label: "Waiting", tone: "wait" },
  done: { label: "Done", tone: "good" },
  failed: { label: "Failed", tone: "bad" },
  dead: { label: "Dead letter", tone: "dead" },
  cancelled: { label: "Cancelled", tone: "calm" },
  interrupted: { label: "Interrupted", tone: "wait" },
};

const OUTCOMES: Record<Outcome, Described> = {
  done: { label: "Done", tone: "good" },
  retrying: { label: "Failed, retried", tone: "wait" },
  failed: { label: "Failed", tone: "bad" },
  dead: { label: "Dead letter", tone: "dead" },
  interrupted: { label: "Interrupted", tone: "wait" },
  cancelled: { label: "Cancelled", tone: "calm" },
  waiting: { label: "Waiting for an answer", tone: "wait" },
};

const BUILDS: Record<BuildState, Described> = {
  queued: { label: "Queued", tone: "calm" },
  fetching: { label: "Fetching", tone: "busy" },
  installing: { label: "Installing", tone: "busy" },
  compiling: { label: "Compiling", tone: "busy" },
  uploading: { label: "Uploading", tone: "busy" },
  ready: { label: "Ready", tone: "good" },
  failed: { label: "Failed", tone: "bad" },
  cancelled: { label: "Cancelled", tone: "calm" },
  superseded: { label: "Superseded", tone: "calm" },
};

const DEPLOYMENTS: Record<DeploymentState, Described> = {
  starting: { label: "Starting", tone: "busy" },
  healthy: { label: "Healthy", tone: "good" },
  draining: { label: "Draining", tone: "wait" },
  stopped: { label: "Stopped", tone: "calm" },
  failed: { label: "Failed", tone: "bad" },
};

const LEVELS: Record<string, Described> = {
  debug: { label: "debug", tone: "calm" },
  info: { label: "info", tone: "busy" },
  warn: { label: "warn", tone: "wait" },
  warning: { label: "warn", tone: "wait" },
  error: { label: "error", tone: "bad" },
};

const other = (state: string): Described => ({ label: state, tone: "calm" });

export const RUN_STATUSES = Object.keys(RUNS) as RunStatus[];
export const describeRun = (status: RunStatus): Described => RUNS[status] ?? other(status);
export const describeOutcome = (outcome: Outcome): Described => OUTCOMES[outcome] ?? other(outcome);
export const describeBuild = (state: BuildState): Described => BUILDS[state] ?? other(state);
export const describeDeployment = (state: DeploymentState): Described => DEPLOYMENTS[state] ?? other(state);
export const describeLevel = (level: string): Described => LEVELS[level] ?? other(level);

export const isBuilding = (state: BuildState): boolean =>
  state === "queued" || describeBuild(state).tone === "busy";

/** A deployment's place in the traffic, apart from its health. */
export function describeServing(state: DeploymentState, weight: number, liveRuns: number): Described {
  if (weight === 0 && state === "healthy" && liveRuns > 0) return { label: "Draining", tone: "wait" };
  return describeDeployment(state);
}
