// The runs' and logs' filters as they stand in the address, and as the API takes them.
import type { Search } from "../shell/Go";
import { RUN_STATUSES } from "./status";

export interface RunFilters {
  status: string;
  step: string;
  flow: string;
  version: string;
  text: string;
}

const NAMES = ["status", "step", "flow", "version", "text"] as const;

/** What the address says, without what makes no sense. */
export function runFilters(search: Search): RunFilters {
  const known = RUN_STATUSES as readonly string[];
  return {
    status: known.includes(search.status ?? "") ? search.status! : "",
    step: search.step ?? "",
    flow: search.flow ?? "",
    version: /^\d+$/.test(search.version ?? "") ? search.version! : "",
    text: search.text ?? "",
  };
}

export const isFiltered = (filters: RunFilters): boolean => NAMES.some((name) => filters[name] !== "");

export interface LineFilters {
  run: string;
  step: string;
  level: string;
  text: string;
}

export const LEVELS = ["debug", "info", "warn", "error"] as const;

export function lineFilters(search: Search): LineFilters {
  const known = LEVELS as readonly string[];
  return {
    run: search.run ?? "",
    step: search.step ?? "",
    level: known.includes(search.level ?? "") ? search.level! : "",
    text: search.text ?? "",
  };
}

export const isLineFiltered = (filters: LineFilters): boolean =>
  Object.values(filters).some((value) => value !== "");
