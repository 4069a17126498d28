import { useSyncExternalStore } from "react";

const media = () => matchMedia("(max-width: 860px)");

/** The screen is too narrow for columns: rows take two lines. */
export function useNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      const query = media();
      query.addEventListener("change", listener);
      return () => query.removeEventListener("change", listener);
    },
    () => media().matches,
  );
}
