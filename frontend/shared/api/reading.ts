// What both UIs read of flows and runs: the mirror of wistro/protocol/reading.py. A test holds the two together.

export interface Trigger {
  kind: "api" | "cron" | "event";
  id: string;
  label: string;
}

export type RunStatus = "running" | "waiting" | "done" | "failed" | "dead" | "cancelled" | "interrupted";

export interface RunSummary {
  id: string;
  status: RunStatus;
  trigger: Trigger;
  flows: string[];
  started_at: string;
  ended_at: string | null;
  attempts: number;
  errors: number;
  trace_id: string;
  version: number | null;
  deployment: string | null;
  generation: number | null;
}

export interface RunPage {
  runs: RunSummary[];
  next: string | null;
}

export interface StateTouch {
  op: string;
  group: string;
  key: string;
  value?: unknown;
}

export interface StepError {
  type: string;
  message: string;
  stack?: string;
  code?: string | null;
}

export type Outcome = "done" | "retrying" | "dead" | "interrupted" | "cancelled" | "failed" | "waiting";

export interface AttemptView {
  id: string;
  delivery_id: string;
  step: string;
  step_name: string;
  language: string | null;
  number: number;
  outcome: Outcome;
  topic: string | null;
  parent_id: string | null;
  ordinal: number;
  queued_at: string;
  started_at: string;
  ended_at: string;
  queue_wait_us: number;
  run_us: number;
  input: unknown;
  emits: { ordinal: number; topic: string; data: unknown }[];
  reads: StateTouch[];
  writes: StateTouch[];
  answer: unknown;
  error: StepError | null;
}

export interface RunDetail {
  run: RunSummary;
  attempts: AttemptView[];
}

export interface LineView {
  stream: string;
  seq: number;
  at: string;
  level: string;
  message: string;
  fields: Record<string, unknown>;
  source: string;
  run: string | null;
  attempt: string | null;
  step: string | null;
  version: number | null;
}

export interface Gap {
  stream: string;
  first: number;
  last: number;
}

export interface LinePage {
  lines: LineView[];
  gaps: Gap[];
  cursor: string;
  more: boolean;
}

export interface GraphNode {
  id: string;
  kind: "api" | "cron" | "event" | "noop" | "outside";
  label: string;
  description: string | null;
  language: string | null;
  file: string | null;
  flows: string[];
  trigger: string | null;
}

export interface GraphEdge {
  source: string;
  target: string;
  topic: string;
  virtual: boolean;
  conditional: boolean;
  /** What its emitter calls it, instead of the topic. */
  caption: string | null;
}

export interface GraphFlow {
  id: string;
  name: string;
  description: string | null;
  steps: string[];
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
  flows: GraphFlow[];
}
