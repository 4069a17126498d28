// Reads a log on: newest page first, then from the cursor whenever a hint says so. One request at a time.
import type { LinePage } from "../api/types";
import { type Lines, nothing, readBack, readOn } from "./lines";
import { backoff } from "./socket";

export interface LineReaderState {
  lines: Lines;
  phase: "loading" | "ready" | "failed";
  error: unknown;
  readingOlder: boolean;
}

type Read = (where: { after?: string; before?: string }, signal: AbortSignal) => Promise<LinePage>;

export class LineReader {
  state: LineReaderState = { lines: nothing, phase: "loading", error: null, readingOlder: false };
  #listeners = new Set<() => void>();
  #wanted = false;
  #reading = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abort = new AbortController();

  constructor(
    private readonly read: Read,
    private readonly random: () => number = Math.random,
  ) {}

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Something may be new: read on until nothing more is. Calls during a read are remembered, not queued. */
  hint = (): void => {
    this.#wanted = true;
    if (!this.#reading && this.#timer === undefined) void this.#readOn();
  };

  retry = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#set({ phase: "loading", error: null });
    this.hint();
  };

  readOlder = async (): Promise<void> => {
    const { lines, readingOlder } = this.state;
    const oldest = lines.lines[0];
    if (readingOlder || !lines.hasOlder || !oldest) return;
    this.#set({ readingOlder: true });
    try {
      const page = await this.read({ before: `${oldest.stream}:${oldest.seq}` }, this.#abort.signal);
      this.#set({ lines: readBack(this.state.lines, page), readingOlder: false });
    } catch {
      this.#set({ readingOlder: false });
    }
  };

  /** Begin, or begin again after `stop` (an effect may run twice): what was read is kept. */
  start(): void {
    if (this.#abort.signal.aborted) this.#abort = new AbortController();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#abort.abort();
  }

  async #readOn(): Promise<void> {
    this.#reading = true;
    const { signal } = this.#abort;
    try {
      while (this.#wanted && !signal.aborted) {
        this.#wanted = false;
        await this.#readPage(signal);
      }
    } catch (error) {
      if (!signal.aborted) this.#failed(error);
    } finally {
      this.#reading = false;
      // Started again while the aborted read was still ending.
      if (this.#wanted && signal.aborted && !this.#abort.signal.aborted) void this.#readOn();
    }
  }

  async #readPage(signal: AbortSignal): Promise<void> {
    const { cursor } = this.state.lines;
    const page = await this.read(cursor ? { after: cursor } : {}, signal);
    const lines = readOn(this.state.lines, page);
    this.#failures = 0;
    // The first page is the newest one: its `more` speaks of older lines, later pages' of newer ones.
    this.#set({
      lines: cursor === null ? { ...lines, hasOlder: page.more } : lines,
      phase: "ready",
      error: null,
    });
    if (cursor !== null && page.more) this.#wanted = true;
  }

  /** A hint must not be lost with the request that it caused: try again, later and later. */
  #failed(error: unknown): void {
    this.#set({ phase: this.state.phase === "ready" ? "ready" : "failed", error });
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.hint();
      },
      backoff(this.#failures++, this.random()),
    );
  }

  #set(change: Partial<LineReaderState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
