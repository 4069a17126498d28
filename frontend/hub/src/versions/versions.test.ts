import type { BuildLine, BuildLinePage } from "@shared/api/types";
import { describe, expect, it } from "vitest";
import { noBuildLog, readOn } from "./buildLines";
import { placesOf } from "./places";
import { stagesOf } from "./stages";

describe("a build's log", () => {
  const said: BuildLine[] = Array.from({ length: 25 }, (_, index) => ({
    seq: index % 12,
    at: "2026-03-01T12:00:00Z",
    stage: "installing",
    text: `line ${index}`,
  }));

  function server(length = 10) {
    const state = { written: said.length, done: true, asked: [] as string[] };
    const read = async (after: string): Promise<BuildLinePage> => {
      state.asked.push(after);
      const from = after ? Number(after.split(".")[1]) + 1 : 0;
      const lines = said.slice(from, Math.min(from + length, state.written));
      const last = from + lines.length - 1;
      const done = state.done && last === state.written - 1;
      return { lines, cursor: last >= 0 ? `1.${last}` : "", done };
    };
    return { state, read };
  }

  it("is read whole, however many pages it has", async () => {
    const { state, read } = server();
    expect(await readOn(noBuildLog, read)).toEqual({ lines: said, cursor: "1.24", done: true });
    expect(state.asked).toEqual(["", "1.9", "1.19"]);
  });

  it("goes on from its cursor, which is no number: 1.10 comes after 1.9", async () => {
    const { state, read } = server(100);
    Object.assign(state, { written: 11, done: false });
    const begun = await readOn(noBuildLog, read);
    expect([begun.lines.length, begun.cursor, begun.done]).toEqual([11, "1.10", false]);
    Object.assign(state, { written: 13, done: true, asked: [] });
    const ended = await readOn(begun, read);
    expect([ended.lines, ended.done]).toEqual([said.slice(0, 13), true]);
    expect(state.asked).toEqual(["1.10"]);
  });

  it("is empty, not wrong, before its first line", async () => {
    const { state, read } = server();
    Object.assign(state, { written: 0, done: false });
    expect(await readOn(noBuildLog, read)).toEqual(noBuildLog);
  });
});

describe("stages", () => {
  const states = (...[state, durations]: Parameters<typeof stagesOf>) =>
    stagesOf(state, durations).map((stage) => stage.state);

  it("follow the build", () => {
    expect(states("queued", {})).toEqual(["now", "ahead", "ahead", "ahead", "ahead"]);
    expect(states("compiling", { queued_s: 1, fetching_s: 1, installing_s: 1 })).toEqual([
      "done",
      "done",
      "done",
      "now",
      "ahead",
    ]);
    expect(states("ready", {})).toEqual(["done", "done", "done", "done", "done"]);
  });

  it("say where it failed", () => {
    expect(states("failed", { queued_s: 0, fetching_s: 1, installing_s: 2 })).toEqual([
      "done",
      "done",
      "failed",
      "ahead",
      "ahead",
    ]);
  });

  it("call a cancelled one neither failed nor running", () => {
    expect(states("cancelled", { queued_s: 4 })).toEqual(["done", "ahead", "ahead", "ahead", "ahead"]);
  });
});

it("names an environment once, however many successors a change of variables made there", () => {
  const at = (id: string, environment: string, weight: number, state: "healthy" | "stopped") => ({
    id,
    environment,
    weight,
    state,
    error: null,
  });
  const places = placesOf([
    at("dep_1", "dev", 0, "stopped"),
    at("dep_2", "dev", 9_000, "healthy"),
    at("dep_3", "dev", 0, "healthy"),
    at("dep_4", "prod", 0, "stopped"),
  ] as never);

  expect(places.map(({ id, weight }) => [id, weight])).toEqual([
    ["dep_2", 9_000],
    ["dep_4", 0],
  ]);
});
