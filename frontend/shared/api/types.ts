// What the servers answer: the Hub's own API, and what both UIs read. `shared/fixtures` holds an example of each,
// which tests hold to the Hub's OpenAPI document and to wistro/protocol/reading.py.
import type { AttemptView, Trigger } from "./reading";

export type * from "./reading";

export interface Problem {
  code: string;
  message: string;
  hint: string | null;
  where: string | null;
}

export interface List<T> {
  items: T[];
  next: string | null;
}

export interface Person {
  id: string;
  email: string;
  name: string;
}

export interface Me {
  user: Person;
  organizations: Organization[];
  /** The token that asked; null for a browser's session. */
  token: Token | null;
}

export interface Organization {
  id: string;
  slug: string;
  name: string;
  role: "owner" | "member";
}

export interface Member {
  user: Person;
  role: "owner" | "member";
  added_at: string;
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
  /** Of its variables: each change makes successors of what serves. */
  revision: number;
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
  created_at: string;
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

export interface Deployment {
  id: string;
  environment: string;
  version: number;
  state: DeploymentState;
  weight: number;
  /** Why it failed. */
  error: string | null;
}

export interface Version {
  id: string;
  number: number;
  commit: { sha: string; message: string; author: string; branch: string | null } | null;
  source: "git" | "upload";
  state: BuildState;
  problems: Problem[];
  created_at: string;
  created_by: string | null;
  ready_at: string | null;
  durations: Record<string, number>;
  deployments: Deployment[];
  lock_changes: string[];
  lock_digest: string | null;
}

export interface BuildLine {
  seq: number;
  at: string;
  stage: string;
  text: string;
}

export interface BuildLinePage {
  lines: BuildLine[];
  /** Goes into `after` to read on; empty before the first line. */
  cursor: string;
  done: boolean;
}

export interface TrafficDeployment {
  id: string;
  version: number;
  state: DeploymentState;
  weight: number;
  error: string | null;
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
    why: "set" | "promoted" | "succeeded" | "released" | "removed";
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

/** Keys for events from outside, newest first, and the topics that they may be sent to. */
export interface Events {
  address: string;
  topics: string[];
  keys: { start: string; made_at: string; made_by: string | null }[];
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
  /** Its last letters, to tell it from others. */
  ending: string;
  scopes: string[];
  created_at: string;
  used_at: string | null;
  expires_at: string;
}

export interface Machine {
  id: string;
  kind: "agent" | "builder" | "gateway";
  name: string;
  state: string;
  seen_at: string;
  sandbox: Record<string, string>;
}
