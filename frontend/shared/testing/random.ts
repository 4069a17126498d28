// Repeatable randomness for tests that try many cases: the seed is in the name of the case that failed.

export interface Random {
  (): number;
  /** A whole number from `low` to `high`, both included. */
  whole: (low: number, high: number) => number;
  pick: <T>(from: readonly T[]) => T;
  shuffled: <T>(list: readonly T[]) => T[];
}

/** mulberry32: 32 bits of state, the same numbers on every machine. */
export function seeded(seed: number): Random {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const whole = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  const shuffled = <T>(list: readonly T[]) =>
    list
      .map((item) => ({ item, by: next() }))
      .sort((a, b) => a.by - b.by)
      .map(({ item }) => item);
  return Object.assign(next, {
    whole,
    pick: <T>(from: readonly T[]) => from[whole(0, from.length - 1)]!,
    shuffled,
  });
}

/** Seeds 1 to `count`, for `it.each`. */
export const seeds = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
