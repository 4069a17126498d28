import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiFailure } from "../api/failure";
import { Note } from "./parts";
import { Failure } from "./states";
import { Rows } from "./Waiting";

/** One query's states: skeleton, failure with retry, what was read; and, when reading again failed, so said. */
export function Loaded<T>(props: {
  query: UseQueryResult<T>;
  loading?: ReactNode;
  children: (data: T) => ReactNode;
}) {
  const { query, loading, children } = props;
  const isGone = query.error instanceof ApiFailure && query.error.isGone; // then what was read before misleads
  if (query.data !== undefined && !isGone) {
    return (
      <>
        {query.isError && (
          <Note tone="wait">Reading this again failed; it shows what was read before. It keeps trying.</Note>
        )}
        {children(query.data)}
      </>
    );
  }
  if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />;
  return loading ?? <Rows />;
}
