// What the server answers. The first half mirrors wistro/protocol/reading.py, which both UIs read;
// the second is the Hub's own API. `shared/fixtures` holds an example of each.

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

export type Outcome = "done" | "retrying" | "dead" | "interrupted" | "cancelled" | "failed";

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
  kind: "api" | "cron" | "event" | "noop";
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

export interface Problem {
  code: string;
  message: string;
  hint: string | null;
  where: string | null;
}

// The Hub's own.

export interface List<T> {
  items: T[];
  next: string | null;
}

export interface Me {
  user: { id: string; email: string; name: string };
  organizations: Organization[];
}

export interface Organization {
  id: string;
  slug: string;
  name: string;
  role: "owner" | "member";
}

export interface Member {
  user: { id: string; email: string; name: string };
  role: "owner" | "member";
  added_at?: string;
}

export interface Serving {
  version: number;
  weight: number;
  state: DeploymentState;
}

export interface Environment {
  id: string;
  name: string;
  address: string;
  serving: Serving[];
  holds: boolean;
  generation: number;
}

export interface Source {
  kind: "github" | "git" | "none";
  repository: string | null;
  default_branch: string | null;
  state: string | null;
  problem: string | Problem | null;
}

export interface Project {
  id: string;
  slug: string;
  name: string;
  organization: { slug: string; name: string };
  environments: Environment[];
  source: Source;
}

export type BuildState =
  | "queued"
  | "fetching"
  | "installing"
  | "compiling"
  | "uploading"
  | "ready"
  | "failed"
  | "cancelled"
  | "superseded";

export type DeploymentState = "starting" | "healthy" | "draining" | "stopped" | "failed";

export interface Version {
  id: string;
  number: number;
  commit: { sha: string; message: string; author: string; branch: string | null } | null;
  source: "git" | "upload";
  state: BuildState;
  problems: Problem[];
  created_at: string;
  ready_at: string | null;
  durations: Record<string, number>;
  deployments: { id: string; environment: string; weight: number; state: DeploymentState }[];
  lock_changes: string[];
}

export interface BuildLine {
  seq: number;
  at: string;
  stage: string;
  text: string;
}

export interface BuildLinePage {
  lines: BuildLine[];
  cursor: number | null;
  done: boolean;
}

export interface TrafficDeployment {
  id: string;
  version: number;
  state: DeploymentState;
  weight: number;
  live_runs: number;
  tag_address: string | null;
  commit: Version["commit"];
}

export interface Traffic {
  generation: number;
  holds: boolean;
  deployments: TrafficDeployment[];
  gateways: { applied: number; total: number; after_s: number | null };
  address: string;
  history: {
    generation: number;
    at: string;
    by: string | null;
    note: string | null;
    weights: Record<string, number>;
  }[];
  draws: Record<string, { calls: number; share: number }>;
}

export interface Variable {
  name: string;
  secret: boolean;
  set_at: string;
  set_by: string | null;
  revision: number;
}

export interface Dataset {
  id: string;
  name: string;
  description: string | null;
  samples: number;
  created_at: string;
}

export interface SampleSummary {
  id: string;
  name: string | null;
  tags: string[];
  run: string | null;
  version: number | null;
  environment: string | null;
  trigger: Trigger | null;
  input: unknown;
  created_at: string;
  created_by: string | null;
}

export interface SampleDetail extends SampleSummary {
  attempts: AttemptView[];
}

export interface Token {
  id: string;
  name: string;
  scopes: string[];
  created_at: string;
  used_at: string | null;
  expires_at: string | null;
}

export interface Machine {
  id: string;
  kind: "agent" | "builder" | "gateway";
  name: string;
  state: string;
  seen_at: string;
  sandbox: Record<string, string>;
}
