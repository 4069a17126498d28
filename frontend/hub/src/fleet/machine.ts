import type { Described, Tone } from "@shared/design/tone";

const STATES: Record<string, Described> = {
  online: { label: "Online", tone: "good" },
  ready: { label: "Ready", tone: "good" },
  draining: { label: "Draining", tone: "wait" },
  silent: { label: "Silent", tone: "wait" },
  lost: { label: "Lost", tone: "bad" },
  offline: { label: "Offline", tone: "bad" },
};

export const describeMachine = (state: string): Described => STATES[state] ?? { label: state, tone: "calm" };

/** A layer is on, off, or says why it is not. */
export function describeLayer(state: string): { tone: Tone; why: string } {
  if (state === "on") return { tone: "good", why: "on" };
  return { tone: state === "off" ? "bad" : "wait", why: state };
}
