import { mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import type { State } from "./answers";
import { type Screen, screens } from "./list";
import { type Look, type Picture, type Studio, take } from "./picture";
import { openStage, stageSockets } from "./stage";

const OUT = fileURLToPath(new URL("../../screens/", import.meta.url));
const DIST = {
  hub: fileURLToPath(new URL("../hub/dist", import.meta.url)),
  local: fileURLToPath(new URL("../../wistro/dev/static", import.meta.url)),
};
const LOOKS: Look[] = [
  { theme: "light", width: 1440, height: 900 },
  { theme: "light", width: 360, height: 780 },
  { theme: "dark", width: 1440, height: 900 },
  { theme: "dark", width: 360, height: 780 },
];
const AT_ONCE = 2;
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Pictures of the screens whose names are given, or of all, in every look and state; answers the exit code.
 * `--short` takes each screen live and in one other state, looks and states taking turns, and keeps no picture.
 */
export async function main(words: string[]): Promise<number> {
  const short = words.includes("--short");
  const names = words.filter((word) => !word.startsWith("--"));
  const wanted = screens.filter(({ name }) => names.length === 0 || names.includes(name));
  if (!short && names.length === 0) await rm(OUT, { recursive: true, force: true });
  if (!short) await mkdir(OUT, { recursive: true });
  const all = wanted.flatMap((screen, turn) =>
    (short ? twoStates(screen, turn) : screen.states).map((state): Picture => ({ screen, state })),
  );
  const series = LOOKS.map((look, turn) => ({
    look,
    pictures: short ? all.filter((_, index) => index % LOOKS.length === turn) : all,
  }));
  const wrong = await photograph(series, short ? null : OUT);
  const taken = series.reduce((sum, { pictures }) => sum + pictures.length, 0);
  for (const line of wrong) console.log(`  ${line}`);
  console.log(`${taken - wrong.length} passed, ${wrong.length} failed`);
  return taken === 0 || wrong.length > 0 ? 1 : 0;
}

function twoStates({ states }: Screen, turn: number): State[] {
  const others = states.filter((state) => state !== "live");
  const other = others.slice(turn % others.length)[0];
  return [...states.filter((state) => state === "live"), ...(other ? [other] : [])];
}

async function photograph(series: { look: Look; pictures: Picture[] }[], out: string | null) {
  const browser = await chromium.launch({
    executablePath: process.env.WISTRO_CHROMIUM || "/usr/bin/chromium",
    args: ARGS,
  });
  const stage = await openStage(DIST);
  const wrong: string[] = [];
  const waiting = [...series];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const studio = await studioOf(browser, next.look, stage.origin, out);
      for (const picture of next.pictures) wrong.push(...(await take(studio, picture)));
      await studio.context.close();
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    await browser.close();
    stage.close();
  }
  return wrong;
}

async function studioOf(browser: Browser, look: Look, origin: string, out: string | null): Promise<Studio> {
  const { theme, width, height } = look;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: "reduce",
  });
  const sockets: Studio["sockets"] = new Set();
  await stageSockets(context, sockets);
  return { context, look, origin, out, sockets };
}
