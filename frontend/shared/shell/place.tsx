// Where a shared screen stands: an environment of the Hub, or this laptop. The same screens read either.
import { createContext, useContext } from "react";

export interface Place {
  /** Before `/runs`, `/lines`, `/graph` in the API. */
  api: string;
  /** Before `/runs`, `/logs`, `/flows` in this app's own addresses. */
  url: string;
  /** The live topic of something of this place: `topic("lines")`, `topic("run", id)`. */
  topic: (what: "lines" | "runs" | "run", id?: string) => string;
  /** Says how to make a first run here. */
  firstRun: string;
  isLocal: boolean;
  /** Local only: the project does not compile, and so many problems say why. */
  problems?: number;
  /** Hub only: where its endpoints are called, once something serves. */
  address?: string;
  /** Hub only: a run can become a sample of these datasets. */
  project?: string;
}

const PlaceContext = createContext<Place | null>(null);
export const PlaceProvider = PlaceContext.Provider;

export function usePlace(): Place {
  const place = useContext(PlaceContext);
  if (!place) throw new Error("usePlace outside PlaceProvider");
  return place;
}
