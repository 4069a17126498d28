// A Hub that a test holds in its hands: log lines with a cursor, and sockets that can be cut, slow or deaf.
import type { LinePage } from "../api/types";
import { aLine } from "../fixtures/lines";

const STREAM = aLine(1, 0).stream;

/** Lines 1 to `last` of one stream, read as `GET …/lines` reads them. */
export class FakeLines {
  last = 0;
  requests = 0;
  fails = false;

  constructor(private readonly most = 50) {}

  read = async ({ after, before }: { after?: string; before?: string }): Promise<LinePage> => {
    this.requests += 1;
    await Promise.resolve();
    if (this.fails) throw new Error("the server cannot be reached");
    const from = after ? seqOf(after) + 1 : before ? Math.max(1, seqOf(before) - this.most) : this.newest();
    const to = before ? seqOf(before) - 1 : Math.min(this.last, after ? from + this.most - 1 : this.last);
    const lines = Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => aLine(from + index, 0));
    return {
      lines,
      gaps: [],
      cursor: `${STREAM}:${Math.max(to, after ? seqOf(after) : 0)}`,
      more: after ? to < this.last : from > 1,
    };
  };

  private newest(): number {
    return Math.max(1, this.last - this.most + 1);
  }
}

const seqOf = (cursor: string) => Number(cursor.split(":").at(-1));

/** One end of a socket, in the page's hands; the other is `HubSockets`. */
export class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly topics = new Set<string>();
  isOpen = false;

  constructor(private readonly hub: HubSockets) {}

  send(text: string): void {
    if (!this.isOpen) throw new Error("sent into a socket that is not open");
    const { type, topic } = JSON.parse(text) as { type: string; topic: string };
    this.hub.subscriptions += 1;
    if (type === "unsubscribe") this.topics.delete(topic);
    else {
      this.topics.add(topic);
      queueMicrotask(() => this.say({ type: "subscribed", topic }));
    }
  }

  close(): void {
    this.cut(1000);
  }

  say(message: object): void {
    if (this.isOpen) this.onmessage?.({ data: JSON.stringify(message) });
  }

  cut(code: number): void {
    if (!this.hub.sockets.delete(this)) return;
    this.isOpen = false;
    queueMicrotask(() => this.onclose?.({ code }));
  }
}

/** The Hub's side of /live, as hub/live/consumer.py speaks it. */
export class HubSockets {
  readonly sockets = new Set<FakeSocket>();
  /** Handshakes are refused while it is away. */
  isAway = false;
  opened = 0;
  subscriptions = 0;

  open = (): WebSocket => {
    const socket = new FakeSocket(this);
    this.sockets.add(socket);
    this.opened += 1;
    queueMicrotask(() => {
      if (this.isAway) return socket.cut(1006);
      socket.isOpen = true;
      socket.onopen?.();
    });
    return socket as unknown as WebSocket;
  };

  hint(topic: string, cursor: Record<string, number> | null = null): void {
    for (const socket of this.sockets) {
      if (socket.topics.has(topic)) socket.say({ type: "hint", topic, cursor });
    }
  }

  ping(): void {
    for (const socket of this.sockets) socket.say({ type: "ping" });
  }

  /** Redis is back: pages are told to read again, as the switchboard does. */
  tellAll(): void {
    for (const socket of this.sockets) {
      for (const topic of socket.topics) socket.say({ type: "hint", topic, cursor: null });
    }
  }

  cutAll(code = 1012): void {
    for (const socket of [...this.sockets]) socket.cut(code);
  }
}
