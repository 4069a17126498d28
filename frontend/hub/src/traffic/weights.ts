// Weights in basis points whose sum is held at 10,000: what a slider's move does to the others. Pure.

import { byVersion, type Weighed } from "@shared/design/parts";

export const WHOLE = 10_000;

export interface Share {
  id: string;
  weight: number;
  locked: boolean;
}

/**
 * Sets one share; the unlocked others give or take in proportion to what they have (alike, when they
 * have nothing). The wish is cut to what the locked ones leave; with nobody to give or take it is not granted.
 */
export function setShare(shares: readonly Share[], id: string, wish: number): Share[] {
  const others = shares.filter((share) => share.id !== id && !share.locked);
  const locked = sum(shares.filter((share) => share.id !== id && share.locked));
  if (others.length === 0)
    return shares.map((share) => (share.id === id ? { ...share, weight: WHOLE - locked } : share));
  const weight = clamp(Math.round(wish), 0, WHOLE - locked);
  const given = divide(
    WHOLE - locked - weight,
    others.map((share) => share.weight),
  );
  const byId = new Map(others.map((share, index) => [share.id, given[index]!]));
  return shares.map((share) =>
    share.id === id ? { ...share, weight } : { ...share, weight: byId.get(share.id) ?? share.weight },
  );
}

/** `total` in whole points by these ratios, the rest to the largest remainders (Hamilton's method). */
export function divide(total: number, ratios: readonly number[]): number[] {
  const all = ratios.reduce((acc, ratio) => acc + ratio, 0);
  const wanted = ratios.map((ratio) => (all === 0 ? total / ratios.length : (total * ratio) / all));
  const parts = wanted.map(Math.floor);
  const left = total - parts.reduce((acc, part) => acc + part, 0);
  const order = wanted
    .map((want, index) => ({ index, rest: want - parts[index]! }))
    .sort((a, b) => b.rest - a.rest || a.index - b.index);
  for (const { index } of order.slice(0, left)) parts[index]! += 1;
  return parts;
}

/** All the same, to the point. */
export function even(shares: readonly Share[]): Share[] {
  const parts = divide(WHOLE, new Array(shares.length).fill(1));
  return shares.map((share, index) => ({ ...share, weight: parts[index]!, locked: false }));
}

/** "33.34" or "33,34 %" as basis points, further digits rounded, more than 100 cut; null when it is no percentage. */
export function readPercent(text: string): number | null {
  const found = /^\s*(\d{1,9}(?:[.,]\d{1,9})?)\s*%?\s*$/.exec(text)?.[1];
  if (!found) return null;
  return Math.min(WHOLE, Math.round(Number(found.replace(",", ".")) * 100));
}

export const showPercent = (points: number): string => (points / 100).toFixed(2).replace(/\.?0+$/, "");

export interface Change {
  version: number;
  from: number;
  to: number;
}

export function changes(before: readonly Weighed[], after: readonly Weighed[]): Change[] {
  const from = new Map(byVersion(before).map(({ version, weight }) => [version, weight]));
  return byVersion(after)
    .map(({ version, weight }) => ({ version, from: from.get(version) ?? 0, to: weight }))
    .filter((change) => change.from !== change.to);
}

const sum = (shares: readonly Share[]) => shares.reduce((total, share) => total + share.weight, 0);
const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
