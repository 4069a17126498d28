import { useSyncExternalStore } from "react";
import { ago, exact } from "./format";

// One clock for every relative time on the page.
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, 5_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** "3 min ago", and the exact instant on hover. */
export function When({ at }: { at: string | null | undefined }) {
  const current = Math.max(useNow(), Date.now() - 5_000);
  if (!at) return <span className="quiet">–</span>;
  return (
    <time dateTime={at} title={exact(at)} style={{ whiteSpace: "nowrap" }}>
      {ago(at, current)}
    </time>
  );
}
