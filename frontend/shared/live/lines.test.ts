import { describe, expect, it } from "vitest";
import type { Gap, LinePage, LineView } from "../api/types";
import { aLine } from "../fixtures/lines";
import { seeded, seeds } from "../testing/random";
import { compareLines, joinGaps, nothing, readBack, readOn, rowsOf } from "./lines";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const line = (seq: number, stream = "a"): LineView => ({ ...aLine(seq, NOW), stream });
const page = (lines: LineView[], change: Partial<LinePage> = {}): LinePage => ({
  lines,
  gaps: [],
  cursor: "",
  more: false,
  ...change,
});
const seqs = (lines: readonly LineView[]) => lines.map(({ seq }) => seq);

describe("reading on", () => {
  it("keeps the cursor when a page brings none", () => {
    const kept = readOn(nothing, page([line(1)], { cursor: "a:1" }));
    expect(readOn(kept, page([])).cursor).toBe("a:1");
  });

  it("puts a late line where its instant belongs", () => {
    const kept = readOn(nothing, page([line(1), line(3)]));
    expect(seqs(readOn(kept, page([line(2)])).lines)).toEqual([1, 2, 3]);
  });

  it("drops the oldest over the cap, says so, and takes them again from older pages", () => {
    const all = Array.from({ length: 30 }, (_, index) => line(index + 1));
    const kept = readOn(readOn(nothing, page(all.slice(0, 12)), 20), page(all.slice(12)), 20);
    expect(kept.lines.length).toBeLessThanOrEqual(20);
    expect(kept.lines.at(-1)!.seq).toBe(30);
    expect(kept.hasOlder).toBe(true);
    expect(seqs(readBack(kept, page(all)).lines)).toEqual(seqs(all));
  });

  it("an older page leaves where reading on goes from", () => {
    const kept = readOn(nothing, page([line(5)], { cursor: "a:5" }));
    const back = readBack(kept, page([line(4)], { cursor: "a:4", more: true }));
    expect([back.cursor, back.hasOlder, seqs(back.lines)]).toEqual(["a:5", true, [4, 5]]);
  });

  it.each(seeds(60))("holds each line once, in order, whatever pages overlap or swap (seed %i)", (seed) => {
    const random = seeded(seed);
    const all = ["a", "b"].flatMap((stream) =>
      Array.from({ length: random.whole(1, 60) }, (_, index) => line(index + 1, stream)),
    );
    const pages = Array.from({ length: 12 }, () => {
      const from = random.whole(0, all.length - 1);
      return all.slice(from, from + random.whole(1, 25)).sort(compareLines);
    });
    const missed = random.shuffled([...pages, all.sort(compareLines).slice(0, 40), all]);
    const kept = missed.reduce(
      (lines, some) => (random() < 0.3 ? readBack(lines, page(some)) : readOn(lines, page(some))),
      nothing,
    );
    expect(kept.lines).toEqual([...all].sort(compareLines));
  });
});

describe("gaps", () => {
  const gap = (first: number, last: number, stream = "a"): Gap => ({ stream, first, last });

  it("that touch or overlap are one", () => {
    expect(joinGaps([gap(7, 9), gap(1, 3), gap(4, 5), gap(8, 12), gap(4, 4, "b")])).toEqual([
      gap(1, 5),
      gap(7, 12),
      gap(4, 4, "b"),
    ]);
  });

  it("stand before the first line after them, and at the end when there is none", () => {
    const rows = rowsOf({
      lines: [line(1), line(4), line(2, "b")],
      gaps: [gap(2, 3), gap(5, 6), gap(1, 1, "b")],
    });
    expect(
      rows.map((row) => (row.kind === "gap" ? `${row.gap.first}–${row.gap.last}` : row.line.seq)),
    ).toEqual([1, "2–3", 4, "1–1", 2, "5–6"]);
  });
});
