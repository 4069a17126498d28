// The environment's traffic, live, and the weights someone is about to set.
import { get, post, put } from "@shared/api/client";
import type { Traffic, TrafficDeployment } from "@shared/api/types";
import { useRefresh } from "@shared/live/react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Share } from "./weights";

export function useTraffic(environment: string) {
  const key = ["traffic", environment];
  const query = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => get<Traffic>(`/api/v1/environments/${environment}/traffic`, signal),
  });
  useRefresh(`traffic:${environment}`, key);
  return query;
}

/** Newest version first; stopped ones without weight are history, not choices. */
export function choices(traffic: Traffic): TrafficDeployment[] {
  return traffic.deployments
    .filter(({ state, weight }) => weight > 0 || (state !== "stopped" && state !== "failed"))
    .sort((a, b) => b.version - a.version || (a.id < b.id ? 1 : -1));
}

export interface Draft {
  /** The generation that the draft began from: a newer one refuses it. */
  generation: number;
  shares: Share[];
}

export function useDraft(traffic: Traffic) {
  const [draft, setDraft] = useState<Draft | null>(null);
  const shown = choices(traffic);
  const saved: Share[] = shown.map(({ id, weight }) => ({ id, weight, locked: false }));
  const shares = draft ? withNew(draft.shares, saved) : saved;
  const changed =
    draft !== null &&
    shares.some(({ id, weight }) => saved.find((each) => each.id === id)?.weight !== weight);
  return {
    shown,
    shares,
    changed,
    isStale: changed && draft.generation !== traffic.generation,
    generation: draft?.generation ?? traffic.generation,
    edit: (next: Share[]) => setDraft({ generation: draft?.generation ?? traffic.generation, shares: next }),
    discard: () => setDraft(null),
  };
}

/** A draft over the deployments there are now: new ones join with nothing, gone ones leave. */
export function withNew(shares: readonly Share[], saved: readonly Share[]): Share[] {
  return saved.map((each) => shares.find(({ id }) => id === each.id) ?? { ...each, weight: 0 });
}

export function useApply(environment: string) {
  const client = useQueryClient();
  const refresh = async () => {
    await client.invalidateQueries({ queryKey: ["traffic", environment] });
    void client.invalidateQueries({ queryKey: ["project"] });
  };
  const apply = useMutation({
    mutationFn: (body: { weights: Record<string, number>; if_generation: number; note?: string }) =>
      put<Traffic>(`/api/v1/environments/${environment}/traffic`, body),
    onSuccess: refresh,
  });
  const release = useMutation({
    mutationFn: () => post(`/api/v1/environments/${environment}/traffic/release`),
    onSuccess: refresh,
  });
  return { apply, release };
}
