import { get } from "@shared/api/client";
import { useRefresh } from "@shared/live/react";
import { useQuery } from "@tanstack/react-query";

const KEY = ["first-call"];

/** A curl of an endpoint that anybody may call; null while the project has none. */
export function useFirstCall(): string | null {
  useRefresh("graph", KEY);
  const { data } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => get<{ command: string | null }>("/api/v1/first-call", signal),
  });
  return data?.command ?? null;
}
