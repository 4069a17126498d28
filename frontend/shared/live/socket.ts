// One socket for the page. It carries hints only ("read again"); what is true is read over HTTP.

export interface Hint {
  type: "subscribed" | "hint";
  topic: string;
  cursor?: Record<string, number> | null;
}

export type LiveState = "idle" | "connecting" | "open" | "waiting";
type Listener = (hint: Hint) => void;

/** What screens ask of whatever tells them to read again: the Hub's socket, or a laptop's poll. */
export interface Live {
  readonly state: LiveState;
  subscribe(topic: string, listener: Listener): () => void;
  onState(listener: () => void): () => void;
}

export interface LiveOptions {
  open: () => WebSocket;
  random?: () => number;
  /** Answers may be lost for this long before the socket counts as dead; the server pings each 20 s. */
  silence_ms?: number;
  /** How long the socket stays open with nobody listening, so that a change of screen keeps it. */
  linger_ms?: number;
  /** The server closed it because this person may not listen (any more), or is signed out. */
  refused?: () => void;
}

const REFUSED = [4401, 4403];

/** Full jitter over the upper half: 0.5–1 s, 1–2 s, … up to 15 s. */
export function backoff(attempt: number, random: number): number {
  return Math.min(1_000 * 2 ** attempt, 15_000) * (0.5 + random / 2);
}

export class LiveSocket implements Live {
  #socket: WebSocket | null = null;
  #listeners = new Map<string, Set<Listener>>();
  #stateListeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  state: LiveState = "idle";

  constructor(private readonly options: LiveOptions) {}

  /** Hear every hint for a topic, and `subscribed` after each (re)connection; call the answer to stop. */
  subscribe(topic: string, listener: Listener): () => void {
    clearTimeout(this.#linger);
    const first = !this.#listeners.has(topic);
    const listeners = this.#listeners.get(topic) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(topic, listeners);
    if (this.#socket === null && this.state !== "waiting") this.#connect();
    else if (first) this.#say("subscribe", topic);
    else if (this.state === "open") queueMicrotask(() => listener({ type: "subscribed", topic }));
    return () => this.#leave(topic, listener);
  }

  /** The network is back: do not wait out the pause. */
  wake(): void {
    if (this.state !== "waiting") return;
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.#connect();
  }

  onState(listener: () => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  #leave(topic: string, listener: Listener): void {
    const listeners = this.#listeners.get(topic);
    if (!listeners?.delete(listener) || listeners.size > 0) return;
    this.#listeners.delete(topic);
    this.#say("unsubscribe", topic);
    if (this.#listeners.size === 0) {
      this.#linger = setTimeout(() => this.#close(), this.options.linger_ms ?? 10_000);
    }
  }

  #connect(): void {
    this.#become("connecting");
    const socket = this.options.open();
    this.#socket = socket;
    this.#watch();
    socket.onopen = () => {
      this.#become("open");
      for (const topic of this.#listeners.keys()) this.#say("subscribe", topic);
    };
    socket.onmessage = (event) => this.#hear(String(event.data));
    socket.onclose = (event) => {
      if (this.#socket === socket) this.#lost(event.code);
    };
  }

  #hear(text: string): void {
    this.#attempt = 0;
    this.#watch();
    const message = JSON.parse(text) as Hint & { type: string };
    if (message.type !== "hint" && message.type !== "subscribed") return;
    for (const listener of this.#listeners.get(message.topic) ?? []) listener(message);
  }

  #watch(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      const socket = this.#socket;
      this.#lost(1006);
      socket?.close();
    }, this.options.silence_ms ?? 45_000);
  }

  #lost(code: number): void {
    clearTimeout(this.#watchdog);
    this.#socket = null;
    this.#become(this.#listeners.size === 0 ? "idle" : "waiting");
    if (this.state === "idle") return;
    // A lost right may come back (a member added again), but not soon.
    const isRefused = REFUSED.includes(code);
    if (isRefused) this.options.refused?.();
    const attempt = isRefused ? 5 : this.#attempt++;
    this.#timer = setTimeout(() => this.#connect(), backoff(attempt, (this.options.random ?? Math.random)()));
  }

  #close(): void {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#watchdog);
    clearTimeout(this.#timer);
    this.#become("idle");
    socket?.close();
  }

  #say(type: "subscribe" | "unsubscribe", topic: string): void {
    if (this.state === "open") this.#socket?.send(JSON.stringify({ type, topic }));
  }

  #become(state: LiveState): void {
    this.state = state;
    for (const listener of this.#stateListeners) listener();
  }
}
