import { describe, expect, it } from "vitest";
import { advance, pressed } from "./keys";
import { type Command, matching } from "./Palette";

const command = (label: string, group = "Screen"): Command => ({
  id: label,
  label,
  group,
  act: () => undefined,
});

describe("the palette", () => {
  const commands = [
    command("Overview"),
    command("prod: runs", "Environment"),
    command("Runs"),
    command("Versions"),
  ];
  const found = (text: string) => matching(commands, text).map(({ label }) => label);

  it("shows everything, in order, before anything is typed", () => {
    expect(found("")).toEqual(["Overview", "prod: runs", "Runs", "Versions"]);
  });

  it("puts what begins with the text first", () => expect(found("run")).toEqual(["Runs", "prod: runs"]));

  it("wants every word, in any order, in label or group", () => {
    expect(found("RUNS prod")).toEqual(["prod: runs"]);
    expect(found("environment")).toEqual(["prod: runs"]);
    expect(found("runs nowhere")).toEqual([]);
  });
});

describe("keys", () => {
  const all = ["/", "g r", "g v", "?", "mod+k"];

  it("one alone, or two in turn", () => {
    expect(advance("", "/", all)).toEqual({ hit: "/" });
    expect(advance("", "g", all)).toEqual({ prefix: "g" });
    expect(advance("g", "r", all)).toEqual({ hit: "g r" });
  });

  it("a wrong second key is read as a first one", () => {
    expect(advance("g", "/", all)).toEqual({ hit: "/" });
    expect(advance("g", "g", all)).toEqual({ prefix: "g" });
    expect(advance("g", "x", all)).toEqual({ prefix: "" });
  });

  it("are spelled alike on every keyboard", () => {
    const none = { metaKey: false, ctrlKey: false, altKey: false };
    expect(pressed({ ...none, key: "K", ctrlKey: true })).toBe("mod+k");
    expect(pressed({ ...none, key: "k", metaKey: true })).toBe("mod+k");
    expect(pressed({ ...none, key: "?" })).toBe("?");
    expect(pressed({ ...none, key: "@", altKey: true })).toBeNull();
  });
});
