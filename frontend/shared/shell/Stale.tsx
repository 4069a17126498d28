import { useSyncExternalStore } from "react";
import { useLiveState } from "../live/react";
import css from "./shell.module.css";

function subscribe(listener: () => void): () => void {
  addEventListener("online", listener);
  addEventListener("offline", listener);
  return () => {
    removeEventListener("online", listener);
    removeEventListener("offline", listener);
  };
}

export function useOnline(): boolean {
  return useSyncExternalStore(subscribe, () => navigator.onLine);
}

/** Says that what is shown may be old, and that nothing will be missing afterwards. */
export function Stale() {
  const online = useOnline();
  const live = useLiveState();
  if (online && live !== "waiting") return null;
  return (
    <p className={css.stale} role="status">
      {online
        ? "The live connection dropped. This screen shows what it last read and catches up when it is back."
        : "You are offline. This screen shows what it last read and catches up when you are back."}
    </p>
  );
}
