import { mkdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page, type WebSocketRoute } from "playwright-core";
import { type Screen, screens } from "./list";
import { type Staged, stage } from "./stage";

const OUT = fileURLToPath(new URL("../../screens/", import.meta.url));
const DIST = {
  hub: fileURLToPath(new URL("../hub/dist", import.meta.url)),
  local: fileURLToPath(new URL("../../wistro/dev/static", import.meta.url)),
};
const SIZES = [
  { width: 1440, height: 900 },
  { width: 360, height: 780 },
];
const THEMES = ["light", "dark"] as const;
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Pictures of the screens whose names are given, or of all; answers the number of pictures that are wrong. */
export async function main(names: string[]): Promise<number> {
  const wanted = screens.filter(({ name }) => names.length === 0 || names.includes(name));
  if (names.length === 0) await rm(OUT, { recursive: true, force: true });
  await mkdir(OUT, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.WISTRO_CHROMIUM ?? "/usr/bin/chromium",
    args: ARGS,
  });
  const wrong: string[] = [];
  let taken = 0;
  try {
    for (const theme of THEMES) {
      for (const viewport of SIZES) taken += await series(browser, wanted, theme, viewport, wrong);
    }
  } finally {
    await browser.close();
  }
  for (const line of wrong) console.log(`  ${line}`);
  console.log(`${taken - wrong.length} passed, ${wrong.length} failed`);
  return wrong.length > 0 ? 1 : 0;
}

async function series(
  browser: Browser,
  wanted: Screen[],
  theme: (typeof THEMES)[number],
  viewport: { width: number; height: number },
  wrong: string[],
): Promise<number> {
  let taken = 0;
  for (const screen of wanted) {
    for (const state of screen.states) {
      const name = `${screen.name}.${state}.${theme}.${viewport.width}`;
      const context = await browser.newContext({ viewport, colorScheme: theme, reducedMotion: "reduce" });
      const page = await context.newPage();
      const found = await picture(page, screen, { state, screen: screen.name, dist: DIST[screen.app] }, name);
      wrong.push(...found.map((what) => `${name}: ${what}`).slice(0, 1));
      await context.close();
      taken += 1;
    }
  }
  return taken;
}

async function picture(page: Page, screen: Screen, staged: Staged, name: string): Promise<string[]> {
  const found: string[] = [];
  const sockets = new Set<WebSocketRoute>();
  page.on("console", (message) => {
    if (/Content Security Policy|Uncaught|Warning:/.test(message.text()))
      found.push(message.text().slice(0, 300));
  });
  page.on("pageerror", (error) => found.push(`threw ${error.message}`));
  await stage(page, staged, sockets);
  await page.goto(`http://screens.localhost${screen.path}`);
  await settle(page, staged);
  for (const act of screen.act ?? []) await perform(page, act, sockets);
  if (screen.name.startsWith("sign-") && staged.state === "error") await refuse(page);
  await page.screenshot({ path: `${OUT}${name}.png` });
  found.push(...(await tooWide(page)), ...(await axe(page)));
  return found;
}

/** Shown once the marks of loading are gone (or, where loading is the point, have come). */
async function settle(page: Page, staged: Staged): Promise<void> {
  await page.waitForSelector("h1, h2, [aria-busy]", { timeout: 10_000 });
  await page.evaluate(() => document.fonts.ready);
  if (staged.state === "loading") return page.waitForSelector("[aria-busy]").then(() => undefined);
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"), undefined, {
    timeout: 10_000,
  });
  await page.evaluate(() => new Promise((done) => setTimeout(done, 120)));
}

async function perform(page: Page, act: string, sockets: Set<WebSocketRoute>): Promise<void> {
  const [kind, what = ""] = act.split(/:(.*)/);
  if (kind === "key") await page.keyboard.press(what);
  else if (kind === "button") await page.getByRole("button", { name: what }).click();
  else if (kind === "slider") await page.getByRole("slider").nth(1).fill("4000");
  else if (kind === "drop") for (const socket of sockets) await socket.close({ code: 1012 });
  await page.evaluate(() => new Promise((done) => setTimeout(done, 350)));
}

async function refuse(page: Page): Promise<void> {
  await page.getByLabel("E-mail").fill("mira@acme.example");
  await page.getByLabel("Password").fill("correct horse");
  await page.locator("button[type=submit]").click();
  await page.waitForSelector("[role=alert]");
}

async function tooWide(page: Page): Promise<string[]> {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  return over > 0 ? [`scrolls sideways by ${over} px`] : [];
}

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function axe(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const run = (window as never as { axe: { run: (options: unknown) => Promise<AxeResults> } }).axe.run;
    const { violations } = await run({
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(
        ({ id, nodes }) =>
          `axe ${id}: ${nodes.length} × ${nodes[0]?.html.slice(0, 160)} ${nodes[0]?.any[0]?.message ?? ""}`,
      );
  });
}

interface AxeResults {
  violations: {
    id: string;
    impact: string;
    nodes: { html: string; any: { message: string }[] }[];
  }[];
}
