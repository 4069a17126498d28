// Where each attempt stands in time and in the tree of who emitted to whom. Pure; lengths in microseconds.
import type { AttemptView } from "../api/types";
import { between, micros } from "../design/format";

export interface Bar {
  attempt: AttemptView;
  depth: number;
  /** Fractions of the whole, from 0 to 1. */
  queue: { from: number; size: number };
  run: { from: number; size: number };
  overhead: { from: number; size: number };
  overhead_us: number;
  whole_us: number;
}

export interface Waterfall {
  bars: Bar[];
  length_us: number;
  ticks: { at: number; us: number }[];
  queue_us: number;
  run_us: number;
  overhead_us: number;
}

export function waterfall(attempts: readonly AttemptView[]): Waterfall {
  if (attempts.length === 0) {
    return { bars: [], length_us: 0, ticks: [], queue_us: 0, run_us: 0, overhead_us: 0 };
  }
  const start = Math.min(...attempts.map((attempt) => micros(attempt.queued_at)));
  const end = Math.max(...attempts.map((attempt) => micros(attempt.ended_at)));
  const length_us = Math.max(1, end - start);
  const bars = inTree(attempts).map(({ attempt, depth }) => barOf(attempt, depth, start, length_us));
  return {
    bars,
    length_us,
    ticks: ticksOf(length_us),
    queue_us: sum(attempts.map((attempt) => attempt.queue_wait_us)),
    run_us: sum(attempts.map((attempt) => attempt.run_us)),
    overhead_us: sum(bars.map((bar) => bar.overhead_us)),
  };
}

function barOf(attempt: AttemptView, depth: number, start: number, length_us: number): Bar {
  const at = (instant: string) => (micros(instant) - start) / length_us;
  const whole = between(attempt.started_at, attempt.ended_at);
  const overhead_us = Math.max(0, whole - attempt.run_us);
  const run = Math.min(attempt.run_us, Math.max(0, whole)) / length_us;
  const from = at(attempt.started_at);
  return {
    attempt,
    depth,
    queue: { from: at(attempt.queued_at), size: Math.max(0, from - at(attempt.queued_at)) },
    run: { from, size: run },
    overhead: { from: from + run, size: overhead_us / length_us },
    overhead_us,
    whole_us: Math.max(0, between(attempt.queued_at, attempt.ended_at)),
  };
}

/** Parents before what they caused; beside each other by ordinal, then tries of one delivery in order. */
export function inTree(attempts: readonly AttemptView[]): { attempt: AttemptView; depth: number }[] {
  const ids = new Set(attempts.map((attempt) => attempt.id));
  const children = new Map<string | null, AttemptView[]>();
  for (const attempt of attempts) {
    const parent = attempt.parent_id && ids.has(attempt.parent_id) ? attempt.parent_id : null;
    children.set(parent, [...(children.get(parent) ?? []), attempt]);
  }
  const order: { attempt: AttemptView; depth: number }[] = [];
  const visit = (parent: string | null, depth: number) => {
    for (const attempt of (children.get(parent) ?? []).sort(bySibling)) {
      order.push({ attempt, depth });
      visit(attempt.id, depth + 1);
    }
  };
  visit(null, 0);
  return order;
}

function bySibling(a: AttemptView, b: AttemptView): number {
  return (
    a.ordinal - b.ordinal ||
    a.delivery_id.localeCompare(b.delivery_id) ||
    a.number - b.number ||
    a.id.localeCompare(b.id)
  );
}

/** At most five round marks (1, 2 or 5 times a power of ten, a microsecond at least) across the length. */
export function ticksOf(length_us: number): { at: number; us: number }[] {
  const power = Math.max(1, 10 ** Math.floor(Math.log10(length_us / 4)));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => length_us / each <= 5) ?? length_us;
  const ticks = [];
  for (let us = 0; us < length_us; us += step) ticks.push({ at: us / length_us, us });
  return ticks;
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
