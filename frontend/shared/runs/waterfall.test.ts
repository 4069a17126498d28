import { describe, expect, it } from "vitest";
import type { AttemptView } from "../api/types";
import { length } from "../design/format";
import { aRunDetail } from "../fixtures/runs";
import { seeded, seeds } from "../testing/random";
import { inTree, ticksOf, waterfall } from "./waterfall";

const [sample] = aRunDetail(Date.parse("2026-03-01T12:00:00Z")).attempts;
const at = (ms: number) => new Date(Date.parse("2026-03-01T12:00:00Z") + ms).toISOString();

function attempt(id: string, change: Partial<AttemptView> = {}): AttemptView {
  return {
    ...sample!,
    id,
    delivery_id: id,
    parent_id: null,
    queued_at: at(0),
    started_at: at(10),
    ended_at: at(40),
    queue_wait_us: 10_000,
    run_us: 25_000,
    ...change,
  };
}

describe("waterfall", () => {
  it("is empty without attempts", () => {
    expect(waterfall([])).toEqual({
      bars: [],
      length_us: 0,
      ticks: [],
      queue_us: 0,
      run_us: 0,
      overhead_us: 0,
    });
  });

  it("keeps queue, run and overhead apart, end to end", () => {
    const [bar] = waterfall([attempt("a")]).bars;
    expect(bar!.queue).toEqual({ from: 0, size: 0.25 });
    expect(bar!.run).toEqual({ from: 0.25, size: 0.625 });
    expect(bar!.overhead).toEqual({ from: 0.875, size: 0.125 });
    expect([bar!.overhead_us, bar!.whole_us]).toEqual([5_000, 40_000]);
  });

  it("shows an attempt of no length at all", () => {
    const still = { queued_at: at(0), started_at: at(0), ended_at: at(0), queue_wait_us: 0, run_us: 0 };
    const layout = waterfall([attempt("a", still)]);
    expect(layout.length_us).toBe(1);
    expect(layout.bars[0]!.run).toEqual({ from: 0, size: 0 });
  });

  it.each(seeds(30))("no bar leaves the track, whatever clocks say (seed %i)", (seed) => {
    const random = seeded(seed);
    const attempts = Array.from({ length: random.whole(1, 12) }, (_, index) => {
      const queued = random.whole(0, 900);
      const started = queued + random.whole(0, 300);
      const ended = started + random.whole(0, 500);
      return attempt(`a${index}`, {
        parent_id: index > 0 && random() < 0.7 ? `a${random.whole(0, index - 1)}` : null,
        queued_at: at(queued),
        started_at: at(started),
        ended_at: at(ended),
        run_us: random.whole(0, (ended - started) * 1_200),
      });
    });
    const layout = waterfall(attempts);
    expect(layout.bars.map((bar) => bar.attempt.id).sort()).toEqual(attempts.map(({ id }) => id).sort());
    for (const bar of layout.bars) {
      expect(bar.queue.from).toBeGreaterThanOrEqual(0);
      expect(bar.queue.from + bar.queue.size).toBeCloseTo(bar.run.from, 9);
      expect(bar.run.from + bar.run.size).toBeCloseTo(bar.overhead.from, 9);
      expect(bar.overhead.from + bar.overhead.size).toBeLessThanOrEqual(1 + 1e-9);
    }
  });
});

describe("inTree", () => {
  const names = (attempts: AttemptView[]) =>
    inTree(attempts).map(({ attempt: { id }, depth }) => `${"  ".repeat(depth)}${id}`);

  it("puts what was caused under its cause, by ordinal, retries in order", () => {
    const tries = { parent_id: "root", delivery_id: "charge", ordinal: 0 };
    const attempts = [
      attempt("stock", { parent_id: "root", ordinal: 1 }),
      attempt("charge 2", { ...tries, number: 2 }),
      attempt("ship", { parent_id: "charge 2" }),
      attempt("charge 1", { ...tries, number: 1 }),
      attempt("root"),
    ];
    expect(names(attempts)).toEqual(["root", "  charge 1", "  charge 2", "    ship", "  stock"]);
  });

  it("keeps an attempt whose parent is not there", () => {
    expect(names([attempt("b", { parent_id: "gone" })])).toEqual(["b"]);
  });
});

describe("ticksOf", () => {
  it.each([1, 3, 84, 999, 1_000, 12_345, 999_999, 60_000_000, 7_260_000_000])(
    "marks %i µs at no more than five round places from 0",
    (us) => {
      const ticks = ticksOf(us);
      expect(ticks[0]!.us).toBe(0);
      expect(ticks.length).toBeGreaterThan(us > 3 ? 1 : 0);
      expect(ticks.length).toBeLessThanOrEqual(5);
      expect(ticks.every((tick) => tick.at >= 0 && tick.at < 1)).toBe(true);
      expect(new Set(ticks.map((tick) => length(tick.us))).size).toBe(ticks.length);
    },
  );
});
