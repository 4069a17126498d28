import { get } from "@shared/api/client";
import type { Me } from "@shared/api/types";
import { queryOptions, useSuspenseQuery } from "@tanstack/react-query";

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => get<Me>("/api/v1/me", signal),
});

export const useMe = (): Me => useSuspenseQuery(meQuery).data;
