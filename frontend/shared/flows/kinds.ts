import type { GraphNode } from "../api/types";
import type { IconName } from "../design/icons";

const KINDS: Record<GraphNode["kind"], { words: string; icon: IconName }> = {
  api: { words: "Endpoint", icon: "endpoints" },
  cron: { words: "Cron", icon: "clock" },
  event: { words: "Step", icon: "flows" },
  outside: { words: "Events from outside", icon: "share" },
  noop: { words: "No-Op: done outside the system", icon: "hand" },
};

export const kindOf = (kind: GraphNode["kind"]): string => KINDS[kind].words;
export const iconOf = (kind: GraphNode["kind"]): IconName => KINDS[kind].icon;
