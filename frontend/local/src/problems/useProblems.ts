import { get } from "@shared/api/client";
import type { Problem } from "@shared/api/types";
import { useRefresh } from "@shared/live/react";
import { useQuery } from "@tanstack/react-query";

const KEY = ["problems"];

/** What the compiler says of the project as it stands, again on each change of a file. */
export function useProblems() {
  useRefresh("problems", KEY);
  return useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => get<{ problems: Problem[] }>("/api/v1/problems", signal),
  });
}
