import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HubSockets } from "../testing/hub";
import { throttled } from "./react";
import { backoff, type Hint, LiveSocket } from "./socket";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

function connect(options: { refused?: () => void } = {}) {
  const hub = new HubSockets();
  const socket = new LiveSocket({ open: hub.open, random: () => 0.5, ...options });
  const heard: string[] = [];
  const listen = (name: string) => (hint: Hint) => heard.push(`${name} ${hint.type} ${hint.topic}`);
  return { hub, socket, heard, listen };
}

describe("the socket", () => {
  it("is one for the whole page, and opens when someone listens", async () => {
    const { hub, socket, heard, listen } = connect();
    expect([socket.state, hub.opened]).toEqual(["idle", 0]);
    socket.subscribe("runs:1", listen("a"));
    socket.subscribe("lines:1", listen("b"));
    await pass(10);
    socket.subscribe("lines:1", listen("c"));
    await pass(10);
    hub.hint("lines:1");
    expect(hub.opened).toBe(1);
    expect(heard).toEqual([
      "a subscribed runs:1",
      "b subscribed lines:1",
      "c subscribed lines:1",
      "b hint lines:1",
      "c hint lines:1",
    ]);
  });

  it("says `subscribed` to every listener again after a cut, so that each reads on", async () => {
    const { hub, socket, heard, listen } = connect();
    socket.subscribe("runs:1", listen("a"));
    await pass(10);
    heard.length = 0;
    hub.cutAll();
    await pass(0);
    expect(socket.state).toBe("waiting");
    await pass(1_000);
    expect([socket.state, heard]).toEqual(["open", ["a subscribed runs:1"]]);
  });

  it("waits longer each time, at most 15 s, and at once when the network is back", async () => {
    const { hub, socket, listen } = connect();
    hub.isAway = true;
    socket.subscribe("runs:1", listen("a"));
    await pass(10 * 60_000);
    expect(hub.opened).toBeLessThan(70);
    expect(hub.opened).toBeGreaterThan(45);
    hub.isAway = false;
    socket.wake();
    await pass(1);
    expect(socket.state).toBe("open");
  });

  it("counts as dead when even pings stay away", async () => {
    const { hub, socket, listen } = connect();
    socket.subscribe("runs:1", listen("a"));
    await pass(44_000);
    expect([socket.state, hub.opened]).toEqual(["open", 1]);
    await pass(3_000);
    expect([socket.state, hub.opened]).toEqual(["open", 2]);
    expect(hub.sockets.size).toBe(1);
  });

  it("asks seldom where it was refused, and says so", async () => {
    const refused = vi.fn();
    const { hub, socket, listen } = connect({ refused });
    socket.subscribe("runs:1", listen("a"));
    await pass(10);
    hub.cutAll(4403);
    await pass(5_000);
    expect([refused.mock.calls.length, hub.opened]).toEqual([1, 1]);
    await pass(15_000);
    expect(hub.opened).toBe(2);
  });

  it("outlives a change of screen, and closes when nobody listens any more", async () => {
    const { hub, socket, listen } = connect();
    socket.subscribe("runs:1", listen("a"))();
    await pass(5_000);
    const leave = socket.subscribe("lines:1", listen("b"));
    await pass(20_000);
    expect([socket.state, hub.opened]).toEqual(["open", 1]);
    leave();
    await pass(10_001);
    expect([socket.state, hub.sockets.size]).toEqual(["idle", 0]);
  });

  it("survives what it does not know", async () => {
    const { hub, socket, heard, listen } = connect();
    socket.subscribe("runs:1", listen("a"));
    await pass(10);
    heard.length = 0;
    for (const each of hub.sockets) {
      each.say({ type: "refused", topic: "runs:1", code: "live.not-yours" });
      each.say({ type: "something-new" });
    }
    expect([socket.state, heard]).toEqual(["open", []]);
  });
});

it("pauses have full jitter over their upper half", () => {
  expect([backoff(0, 0), backoff(0, 1), backoff(3, 0), backoff(20, 0), backoff(20, 1)]).toEqual([
    500, 1_000, 4_000, 7_500, 15_000,
  ]);
});

it("a throttled call is never lost, and never more often than it may", async () => {
  const act = vi.fn();
  const { call, stop } = throttled(act, 400);
  for (let ms = 0; ms < 2_000; ms += 10) {
    call();
    await pass(10);
  }
  expect(act.mock.calls.length).toBeLessThanOrEqual(6);
  const before = act.mock.calls.length;
  call();
  await pass(400);
  expect(act.mock.calls.length).toBe(before + 1);
  call();
  stop();
  await pass(1_000);
  expect(act.mock.calls.length).toBe(before + 1);
});
