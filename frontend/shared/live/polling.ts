// Hints by the clock, for a server on the same machine that keeps no sockets: one beat a second while looked at.
import type { Hint, Live, LiveState } from "./socket";

export class PollingLive implements Live {
  readonly state: LiveState = "open";
  #listeners = new Map<(hint: Hint) => void, string>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly every_ms = 1_000) {}

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

  onState(): () => void {
    return () => undefined;
  }

  #beat(): void {
    if (document.hidden) return;
    for (const [listener, topic] of this.#listeners) listener({ type: "hint", topic });
  }
}
