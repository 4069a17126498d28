import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ANSWERED, UNANSWERED } from "../api/client";
import { PollingLive } from "./polling";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("beats each second, says when nobody answers and asks less often then, and says when somebody does", () => {
  const live = new PollingLive(1_000);
  const states: string[] = [];
  live.onState(() => states.push(live.state));
  const beat = vi.fn();
  const stop = live.subscribe("runs", beat);

  vi.advanceTimersByTime(5_000);
  expect(beat.mock.calls.filter(([hint]) => hint.type === "hint")).toHaveLength(5);
  dispatchEvent(new Event(UNANSWERED));
  beat.mockClear();
  vi.advanceTimersByTime(10_000);
  expect(beat).toHaveBeenCalledTimes(2);
  dispatchEvent(new Event(ANSWERED));
  beat.mockClear();
  vi.advanceTimersByTime(5_000);
  expect(beat).toHaveBeenCalledTimes(5);

  expect(states).toEqual(["waiting", "open"]);
  stop();
});
