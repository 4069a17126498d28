import { useEffect, useState, useSyncExternalStore } from "react";
import { get, query } from "../api/client";
import type { LinePage } from "../api/types";
import { LineReader } from "../live/lineReader";
import { useLive } from "../live/react";
import type { LineFilters } from "../runs/filters";
import { usePlace } from "../shell/place";

const PAGE = 1_000;

/** The log of a place under filters: one reader, read on by hints, thrown away when the filters change. */
export function useLog(filters: LineFilters) {
  const place = usePlace();
  const live = useLive();
  const hash = JSON.stringify(filters);
  const [reader, setReader] = useState(() => readerOf(place.api, hash));
  const [shown, setShown] = useState(`${place.api}${hash}`);
  if (shown !== `${place.api}${hash}`) {
    setShown(`${place.api}${hash}`);
    setReader(readerOf(place.api, hash));
  }
  useEffect(() => {
    reader.start();
    reader.hint();
    const stop = live.subscribe(place.topic("lines"), reader.hint);
    return () => {
      stop();
      reader.stop();
    };
  }, [reader, live, place]);
  return { reader, ...useSyncExternalStore(reader.subscribe, () => reader.state) };
}

function readerOf(api: string, hash: string): LineReader {
  const filters = JSON.parse(hash) as LineFilters;
  return new LineReader((where, signal) =>
    get<LinePage>(`${api}/lines${query({ ...filters, ...where, limit: PAGE })}`, signal),
  );
}
