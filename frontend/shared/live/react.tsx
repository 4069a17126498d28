// React's side of the live socket: hints make queries read again.
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useSyncExternalStore } from "react";
import type { Hint, Live as LiveSource, LiveState } from "./socket";

const Live = createContext<LiveSource | null>(null);
export const LiveProvider = Live.Provider;

export function useLive(): LiveSource {
  const live = useContext(Live);
  if (!live) throw new Error("useLive outside LiveProvider");
  return live;
}

export function useLiveState(): LiveState {
  const live = useLive();
  return useSyncExternalStore(
    (listener) => live.onState(listener),
    () => live.state,
  );
}

/** Call at most once in `every_ms`, the last call never lost. */
export function throttled(act: () => void, every_ms: number): { call: () => void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = Number.NEGATIVE_INFINITY;
  const run = () => {
    timer = undefined;
    last = performance.now();
    act();
  };
  return {
    call: () => {
      timer ??= setTimeout(run, Math.max(0, last + every_ms - performance.now()));
    },
    stop: () => clearTimeout(timer),
  };
}

/** Read a query again on each hint of a topic and after each reconnection. `null` listens to nothing. */
export function useRefresh(topic: string | null, key: QueryKey, every_ms = 400): void {
  const live = useLive();
  const client = useQueryClient();
  const hash = JSON.stringify(key);
  useEffect(() => {
    if (!topic) return;
    const refresh = throttled(
      () => void client.invalidateQueries({ queryKey: JSON.parse(hash) as QueryKey }),
      every_ms,
    );
    const stop = live.subscribe(topic, (_: Hint) => refresh.call());
    return () => {
      stop();
      refresh.stop();
    };
  }, [live, client, topic, hash, every_ms]);
}
