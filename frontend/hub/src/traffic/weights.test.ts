import { seeded, seeds } from "@shared/testing/random";
import { describe, expect, it } from "vitest";
import { changes, divide, even, readPercent, type Share, setShare, showPercent, WHOLE } from "./weights";

const share = (id: string, weight: number, locked = false): Share => ({ id, weight, locked });
const weights = (shares: readonly Share[]) => shares.map(({ weight }) => weight);
const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);

describe("setShare", () => {
  it("lets the others give in proportion to what they have", () => {
    const shares = [share("a", 6_000), share("b", 3_000), share("c", 1_000)];
    expect(weights(setShare(shares, "c", 4_000))).toEqual([4_000, 2_000, 4_000]);
  });

  it("gives to all alike when the others have nothing", () => {
    expect(weights(setShare([share("a", 10_000), share("b", 0), share("c", 0)], "a", 5_000))).toEqual([
      5_000, 2_500, 2_500,
    ]);
  });

  it("leaves locked ones alone and cuts the wish to what they leave", () => {
    const shares = [share("a", 3_000, true), share("b", 5_000), share("c", 2_000)];
    expect(weights(setShare(shares, "b", 9_999))).toEqual([3_000, 7_000, 0]);
  });

  it("moves nothing when nobody can give or take", () => {
    expect(weights(setShare([share("a", 4_000, true), share("b", 6_000)], "b", 1_000))).toEqual([
      4_000, 6_000,
    ]);
    expect(weights(setShare([share("a", 10_000)], "a", 0))).toEqual([10_000]);
  });

  it.each(seeds(60))("holds the sum at 100 %% through any moves (seed %i)", (seed) => {
    const random = seeded(seed);
    let shares = even(Array.from({ length: random.whole(1, 7) }, (_, index) => share(`d${index}`, 0)));
    for (let move = 0; move < 40; move += 1) {
      const { id } = random.pick(shares);
      shares = shares.map((each) => ({ ...each, locked: each.id !== id && random() < 0.25 }));
      const before = shares;
      shares = setShare(shares, id, random.whole(-500, 12_000));
      expect(sum(weights(shares))).toBe(WHOLE);
      for (const [index, { weight, locked }] of shares.entries()) {
        expect(Number.isInteger(weight) && weight >= 0 && weight <= WHOLE).toBe(true);
        if (locked) expect(weight).toBe(before[index]!.weight);
      }
    }
  });
});

describe("divide and even", () => {
  it("give the rest to the largest remainders, earlier ones first", () => {
    expect(divide(10, [1, 1, 1])).toEqual([4, 3, 3]);
    expect(divide(7, [0, 0])).toEqual([4, 3]);
    expect(weights(even([share("a", 1, true), share("b", 2), share("c", 3)]))).toEqual([3_334, 3_333, 3_333]);
  });

  it.each(seeds(40))("divide is within one of each exact part (seed %i)", (seed) => {
    const random = seeded(seed);
    const ratios = Array.from({ length: random.whole(1, 9) }, () => random.whole(1, 10_000));
    const total = random.whole(0, WHOLE);
    const parts = divide(total, ratios);
    expect(sum(parts)).toBe(total);
    for (const [index, part] of parts.entries()) {
      expect(Math.abs(part - (total * ratios[index]!) / sum(ratios))).toBeLessThan(1);
    }
  });
});

describe("percentages", () => {
  it.each([
    ["25", 2_500],
    ["33.34", 3_334],
    [" 33,3 % ", 3_330],
    ["0", 0],
    ["100", 10_000],
    ["100.01", 10_000],
    ["130", 10_000],
    ["33.333", 3_333],
    ["1.239", 124],
  ])("reads %s", (text, points) => expect(readPercent(text)).toBe(points));

  it.each(["", "x", "-1", "1e2", "25 25", "1.2.3"])("refuses %j", (text) =>
    expect(readPercent(text)).toBeNull(),
  );

  it("reads back every weight that it shows", () => {
    for (let points = 0; points <= WHOLE; points += 7) expect(readPercent(showPercent(points))).toBe(points);
  });
});

it("changes names what differs, new ones from nothing", () => {
  const before = [
    { version: 27, weight: 2_500 },
    { version: 26, weight: 7_500 },
  ];
  const after = [
    { version: 28, weight: 2_500 },
    { version: 27, weight: 0 },
    { version: 26, weight: 7_500 },
  ];
  expect(changes(before, after)).toEqual([
    { version: 28, from: 0, to: 2_500 },
    { version: 27, from: 2_500, to: 0 },
  ]);
});
