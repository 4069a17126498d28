// The live log end to end, without a browser: a reader, a socket, and a Hub that loses, cuts and repeats.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeLines, HubSockets } from "../testing/hub";
import { seeded, seeds } from "../testing/random";
import { LineReader } from "./lineReader";
import { LiveSocket } from "./socket";

const TOPIC = "lines:env_1";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open(most?: number) {
  const server = new FakeLines(most);
  const hub = new HubSockets();
  const socket = new LiveSocket({ open: hub.open, random: () => 0.5 });
  const reader = new LineReader(server.read, () => 0.5);
  reader.start();
  reader.hint();
  const leave = socket.subscribe(TOPIC, reader.hint);
  const shown = () => reader.state.lines.lines.map(({ seq }) => seq);
  const write = (count = 1) => {
    server.last += count;
    hub.hint(TOPIC, { a: server.last });
  };
  const close = () => {
    leave();
    reader.stop();
  };
  return { server, hub, socket, reader, shown, write, close };
}

const to = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe("the live log", () => {
  it("shows a line as soon as the hint comes", async () => {
    const { write, shown } = open();
    await pass(10);
    write(3);
    await pass(0);
    expect(shown()).toEqual([1, 2, 3]);
  });

  it("asks nothing while nothing happens, for as long as the socket is healthy", async () => {
    const { hub, server, socket, write } = open();
    await pass(10);
    write();
    await pass(1_000);
    const { requests } = server;
    for (let minute = 0; minute < 60; minute += 1) {
      for (let beat = 0; beat < 3; beat += 1) {
        hub.ping();
        await pass(20_000);
      }
    }
    expect(server.requests).toBe(requests);
    expect([socket.state, hub.opened]).toEqual(["open", 1]);
  });

  it("asks a bounded number of times per reconnection, from the cursor", async () => {
    const { hub, server, write, shown } = open();
    await pass(10);
    write(20);
    await pass(100);
    const { requests } = server;
    for (let cut = 0; cut < 5; cut += 1) {
      hub.cutAll();
      server.last += 2; // written while the page hears nothing
      await pass(20_000);
    }
    expect(shown()).toEqual(to(30));
    expect(server.requests - requests).toBe(5);
  });

  it("catches up over many pages when it was away for long", async () => {
    const { hub, server, shown } = open(50);
    server.last = 30;
    await pass(10);
    hub.isAway = true;
    hub.cutAll();
    server.last = 1_030;
    await pass(60_000);
    hub.isAway = false;
    await pass(20_000);
    expect(shown()).toEqual(to(1_030));
  });

  it("does not lose a hint whose request failed", async () => {
    const { server, write, shown, reader } = open();
    await pass(10);
    server.fails = true;
    write(4);
    await pass(3_000);
    expect(reader.state.error).toBeInstanceOf(Error);
    server.fails = false;
    await pass(20_000);
    expect(shown()).toEqual([1, 2, 3, 4]);
    expect(reader.state.error).toBeNull();
  });

  it("reads older lines while new ones come in", async () => {
    const { server, reader, shown, write } = open(10);
    server.last = 100;
    await pass(10);
    expect(shown()[0]).toBe(91);
    const older = reader.readOlder();
    write(5);
    await older;
    await pass(10);
    expect(shown()).toEqual(to(105).slice(80));
    expect(reader.state.lines.hasOlder).toBe(true);
    while (reader.state.lines.hasOlder) await reader.readOlder();
    expect(shown()).toEqual(to(105));
  });

  it("stops asking when the page leaves, and keeps what it read when it comes back", async () => {
    const { hub, server, close, reader, socket, shown } = open();
    await pass(10);
    close();
    const { requests } = server;
    server.last = 7;
    hub.hint(TOPIC);
    await pass(60_000);
    expect([server.requests, socket.state, hub.sockets.size]).toEqual([requests, "idle", 0]);
    reader.start();
    reader.hint();
    await pass(10);
    expect(shown()).toEqual(to(7));
  });

  it.each(seeds(40))("holds 1..N, each once, in order, through anything (seed %i)", async (seed) => {
    const random = seeded(seed);
    const { hub, server, write, shown } = open(random.whole(3, 60));
    await pass(10);
    for (let moment = 0; moment < 60; moment += 1) {
      const what = random();
      if (what < 0.55) write(random.whole(1, 30));
      else if (what < 0.65)
        server.last += random.whole(1, 20); // its hint was lost with Redis
      else if (what < 0.72) hub.cutAll(random.pick([1006, 1011, 1012]));
      else if (what < 0.78) hub.isAway = true;
      else if (what < 0.84) server.fails = true;
      else if (what < 0.92) for (let twice = 0; twice < 3; twice += 1) hub.hint(TOPIC);
      await pass(random.whole(0, 800));
      if (random() < 0.5) {
        hub.isAway = false;
        server.fails = false;
      }
    }
    hub.isAway = false;
    server.fails = false;
    await pass(40_000);
    hub.tellAll(); // Redis is back
    await pass(20_000);
    // A first page over an unread past begins at its newest lines; from there on nothing is missing.
    const seqs = shown();
    expect(seqs.at(-1)).toBe(server.last);
    expect(seqs).toEqual(to(server.last).slice(seqs[0]! - 1));
    const { requests } = server;
    for (let beat = 0; beat < 30; beat += 1) {
      hub.ping();
      await pass(20_000);
    }
    expect(server.requests).toBe(requests);
  });
});
