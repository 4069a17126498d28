// Hints by the clock, for a server on the same machine that keeps no sockets: one beat a second while looked at.
import { ANSWERED, UNANSWERED } from "../api/client";
import type { Hint, Live, LiveState } from "./socket";

export class PollingLive implements Live {
  state: LiveState = "open";
  #stateListeners = new Set<() => void>();
  #pause = 0; // beats to let pass while nobody answers
  #listeners = new Map<(hint: Hint) => void, string>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly every_ms = 1_000) {
    addEventListener(ANSWERED, () => this.#become("open"));
    addEventListener(UNANSWERED, () => this.#become("waiting"));
  }

  subscribe(topic: string, listener: (hint: Hint) => void): () => void {
    const own = (hint: Hint) => listener(hint);
    this.#listeners.set(own, topic);
    queueMicrotask(() => own({ type: "subscribed", topic }));
    this.#timer ??= setInterval(() => this.#beat(), this.every_ms);
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  onState(listener: () => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  #become(state: LiveState): void {
    if (state === this.state) return;
    this.state = state;
    this.#pause = 0;
    for (const listener of this.#stateListeners) listener();
  }

  #beat(): void {
    if (document.hidden || this.#pause-- > 0) return;
    this.#pause = this.state === "waiting" ? 4 : 0;
    for (const [listener, topic] of this.#listeners) listener({ type: "hint", topic });
  }
}
