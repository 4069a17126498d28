// Numbers and instants as people read them. Pure: the present is an argument.

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const SHORT: Record<string, string> = { year: "y", month: "mo", day: "d", hour: "h", minute: "min" };

/** "just now", "12 s ago", "3 min ago", "in 2 h". */
export function ago(at: string, now: number): string {
  const seconds = Math.round((now - Date.parse(at)) / 1000);
  const size = Math.abs(seconds);
  if (size < 5) return "just now";
  const [unit, length] = UNITS.find(([, length]) => size >= length) ?? ["s", 1];
  const text = `${Math.floor(size / length)} ${SHORT[unit] ?? "s"}`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

/** The instant to the second in the reader's zone, with UTC's beside it. */
export function exact(at: string): string {
  const date = new Date(at);
  const zone = date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
  return `${zone} (${date.toISOString()})`;
}

/** "14:02:07.318", the reader's clock. */
export function clock(at: string): string {
  const date = new Date(at);
  const pad = (value: number, size = 2) => String(value).padStart(size, "0");
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}

/** Microseconds in three figures: "840 µs", "12.4 ms", "3.21 s", "4 min 02 s". */
export function length(us: number): string {
  // Where rounding would reach the next unit, the next unit it is.
  if (us < 999.5) return `${Math.round(us)} µs`;
  if (us < 999_500) return `${three(us / 1_000)} ms`;
  if (us < 59_950_000) return `${three(us / 1_000_000)} s`;
  const seconds = Math.round(us / 1_000_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(seconds / 3_600)} h ${String(Math.floor((seconds % 3_600) / 60)).padStart(2, "0")} min`;
}

function three(value: number): string {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/** Microseconds from one instant to another; instants may carry six digits of a second. */
export function between(from: string, to: string): number {
  return micros(to) - micros(from);
}

export function micros(at: string): number {
  const digits = /\.(\d{1,6})/.exec(at)?.[1]?.padEnd(6, "0") ?? "000000";
  const whole = Date.parse(at.replace(/\.\d+/, ""));
  return whole * 1_000 + Number(digits);
}

/** "run_06d…k3f9": the prefix and the last letters, which differ between ids of one moment. */
export function shortId(id: string): string {
  const [prefix, letters] = id.split("_");
  if (letters && letters.length > 8) return `${prefix}_${letters.slice(-6)}`;
  return id.length > 16 ? `${id.slice(0, 8)}…` : id;
}

/** Basis points as people say them: 2500 -> "25 %", 3334 -> "33.34 %". */
export function percent(bps: number): string {
  const text = (bps / 100).toFixed(2).replace(/\.?0+$/, "");
  return `${text} %`;
}

export function count(value: number, noun: string, plural = `${noun}s`): string {
  return `${value.toLocaleString("en-US")} ${value === 1 ? noun : plural}`;
}

/** A word as a POSIX shell takes it whole. */
export const inShell = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
