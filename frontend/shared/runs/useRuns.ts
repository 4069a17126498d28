import { useCallback, useEffect, useRef, useState } from "react";
import { get, query } from "../api/client";
import type { RunPage } from "../api/types";
import { throttled, useLive } from "../live/react";
import { usePlace } from "../shell/place";
import type { RunFilters } from "./filters";
import { first, newest, older, type RunList, showFresh } from "./runList";

const PAGE = 100;

export interface Runs {
  list: RunList | null;
  error: unknown;
  readingOlder: boolean;
  /** Reading the newest again failed; what is shown may be old. */
  isStale: boolean;
  readOlder: () => void;
  reveal: () => void;
  retry: () => void;
}

export function useRuns(filters: RunFilters): Runs {
  const place = usePlace();
  const live = useLive();
  const [list, setList] = useState<RunList | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [readingOlder, setReadingOlder] = useState(false);
  const [tries, setTries] = useState(0);
  const hash = JSON.stringify(filters);
  const current = useRef(0);

  const read = useCallback(
    (before: string | null, signal?: AbortSignal) =>
      get<RunPage>(`${place.api}/runs${query({ ...JSON.parse(hash), before, limit: PAGE })}`, signal),
    [place.api, hash],
  );

  useEffect(() => {
    const turn = ++current.current;
    const abort = new AbortController();
    const isCurrent = () => turn === current.current && !abort.signal.aborted;
    setList(null);
    setError(null);
    const refresh = throttled(async () => {
      try {
        const page = await read(null, abort.signal);
        if (!isCurrent()) return;
        setError(null);
        setList((before) => (before ? newest(before, page) : first(page)));
      } catch (failure) {
        if (isCurrent()) setError(failure);
      }
    }, 1_000);
    refresh.call();
    const stop = live.subscribe(place.topic("runs"), refresh.call);
    return () => {
      stop();
      refresh.stop();
      abort.abort();
    };
  }, [read, live, place, tries]);

  const readOlder = useCallback(async () => {
    if (!list?.next || readingOlder) return;
    const turn = current.current;
    setReadingOlder(true);
    try {
      const page = await read(list.next);
      if (turn === current.current) setList((before) => before && older(before, page));
    } catch (failure) {
      if (turn === current.current) setError(failure);
    } finally {
      setReadingOlder(false);
    }
  }, [list, readingOlder, read]);

  return {
    list,
    error,
    readingOlder,
    isStale: list !== null && error !== null,
    readOlder: () => void readOlder(),
    reveal: () => setList((before) => before && showFresh(before)),
    retry: () => setTries((count) => count + 1),
  };
}
