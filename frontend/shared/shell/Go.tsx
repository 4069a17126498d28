import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { ComponentProps, ReactNode } from "react";
import { useCallback } from "react";

// Shared screens stand in two route trees, so their addresses are plain strings.

export type Search = Record<string, string | undefined>;

interface GoProps extends Omit<ComponentProps<"a">, "href"> {
  to: string;
  search?: Search;
  exact?: boolean;
  children?: ReactNode;
}

export function Go({ to, search, exact, ...rest }: GoProps) {
  return (
    <Link
      to={to as never}
      search={(search ?? {}) as never}
      activeOptions={{ exact: exact ?? false, includeSearch: false }}
      {...(rest as object)}
    />
  );
}

export function useGo(): (to: string, search?: Search, replace?: boolean) => void {
  const navigate = useNavigate();
  return useCallback(
    (to, search, replace = false) =>
      void navigate({ to: to as never, search: (search ?? {}) as never, replace }),
    [navigate],
  );
}

/** Changes some of the search; `step` makes it a step that the browser's Back undoes. */
export type ChangeSearch = (changes: Search, step?: "step") => void;

/** The address's search as a record, and the way to change it. */
export function useSearchState(): [Search, ChangeSearch] {
  const raw = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const search = Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, String(value)]));
  const change = useCallback<ChangeSearch>(
    (changes, step) =>
      void navigate({
        to: "." as never,
        replace: step === undefined,
        search: ((before: Search) => clean({ ...before, ...changes })) as never,
      }),
    [navigate],
  );
  return [search, change];
}

export function clean(search: Search): Search {
  return Object.fromEntries(
    Object.entries(search).filter(([, value]) => value !== undefined && value !== ""),
  );
}
