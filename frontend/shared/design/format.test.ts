import { describe, expect, it } from "vitest";
import { ago, between, count, length, micros, percent, shortId } from "./format";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const before = (seconds: number) => new Date(NOW - seconds * 1_000).toISOString();

describe("ago", () => {
  it.each([
    [0, "just now"],
    [4, "just now"],
    [5, "5 s ago"],
    [59, "59 s ago"],
    [60, "1 min ago"],
    [3_599, "59 min ago"],
    [3_600, "1 h ago"],
    [86_400, "1 d ago"],
    [40 * 86_400, "1 mo ago"],
    [800 * 86_400, "2 y ago"],
    [-7_200, "in 2 h"],
  ])("%i s before now is %j", (seconds, words) => expect(ago(before(seconds), NOW)).toBe(words));
});

describe("length", () => {
  it.each([
    [0, "0 µs"],
    [840, "840 µs"],
    [1_000, "1.00 ms"],
    [12_400, "12.4 ms"],
    [187_000, "187 ms"],
    [999_400, "999 ms"],
    [999_600, "1.00 s"],
    [3_210_000, "3.21 s"],
    [59_999_000, "1 min 00 s"],
    [242_000_000, "4 min 02 s"],
    [3_599_900_000, "1 h 00 min"],
    [7_260_000_000, "2 h 01 min"],
  ])("%i µs is %j", (us, words) => expect(length(us)).toBe(words));
});

describe("instants", () => {
  it("keep six digits of a second", () => {
    expect(between("2026-03-01T12:00:00.000001Z", "2026-03-01T12:00:01.000400Z")).toBe(1_000_399);
    expect(between("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.5Z")).toBe(500_000);
  });

  it("know other zones than UTC", () => {
    expect(micros("2026-03-01T13:00:00.25+01:00")).toBe(micros("2026-03-01T12:00:00.250000Z"));
  });
});

it("ids are short by their last letters", () => {
  expect(shortId("run_06d3k9w2x7r410000000089995")).toBe("run_089995");
  expect(shortId("run_1")).toBe("run_1");
  expect(shortId("4bf92f3577b34da6a3ce929d0e0e4736")).toBe("4bf92f35…");
});

it("percentages show what is there", () => {
  expect([0, 1, 2_500, 3_334, 10_000].map(percent)).toEqual(["0 %", "0.01 %", "25 %", "33.34 %", "100 %"]);
});

it("counts have their plural", () => {
  expect(count(1, "line")).toBe("1 line");
  expect(count(12_345, "run")).toBe("12,345 runs");
  expect(count(2, "reply", "replies")).toBe("2 replies");
});
