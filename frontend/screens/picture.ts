// One picture: the screen in its state, what is done there, and what is wrong with it.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { BrowserContext, Page, WebSocketRoute } from "playwright-core";
import type { State } from "./answers";
import type { Screen } from "./list";
import { show } from "./stage";

const PATIENCE_MS = 20_000;

export interface Look {
  theme: "light" | "dark";
  width: number;
  height: number;
}

export interface Picture {
  screen: Screen;
  state: State;
}

/** A browser context of one look, used for picture after picture. */
export interface Studio {
  context: BrowserContext;
  look: Look;
  origin: string;
  /** Where pictures go; null takes none. */
  out: string | null;
  sockets: Set<WebSocketRoute>;
}

/** Takes one picture; answers in at most one line what is wrong with it. */
export async function take(studio: Studio, picture: Picture): Promise<string[]> {
  const { screen, state } = picture;
  const { theme, width } = studio.look;
  const name = `${screen.name}.${state}.${theme}.${width}`;
  studio.sockets.clear();
  await show(studio.context, studio.origin, { app: screen.app, screen: screen.name, state });
  const page = await studio.context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const found: string[] = [];
  listen(page, found);
  try {
    await page.goto(`${studio.origin}${screen.path}`);
    await settle(page, state);
    for (const act of screen.act ?? []) await perform(page, act, studio.sockets);
    if (screen.name.startsWith("sign-") && state === "error") await refuse(page);
    if (studio.out) await page.screenshot({ path: `${studio.out}${name}.png` });
    found.push(...(await tooWide(page)), ...(await axe(page)));
  } catch (error) {
    found.push(String(error).split("\n")[0]!);
  } finally {
    await page.close();
  }
  return found.slice(0, 1).map((what) => `${name}: ${what}`);
}

/** Nothing may be said on the console except that an answer was the error which the state asks for. */
function listen(page: Page, found: string[]): void {
  page.on("console", (message) => {
    const isExpected = message.text().startsWith("Failed to load resource");
    if (/error|warning/.test(message.type()) && !isExpected) found.push(message.text().slice(0, 300));
  });
  page.on("pageerror", (error) => found.push(`threw ${error.message}`));
}

/** Shown once the marks of loading are gone (or, where loading is the point, have come). */
async function settle(page: Page, state: State): Promise<void> {
  await page.waitForSelector(":is(main, form) :is(h1, h2), [aria-busy]", { state: "attached" });
  await page.evaluate(() => document.fonts.ready);
  if (state === "loading") await page.waitForSelector("[aria-busy]", { state: "attached" });
  else await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
  await drawn(page);
}

/** Twice two frames: what a layout effect or an observer changes is on the screen. */
async function drawn(page: Page): Promise<void> {
  await page.evaluate(
    () =>
      new Promise<void>((done) => {
        let left = 8;
        const next = () => (left-- > 0 ? requestAnimationFrame(next) : done());
        next();
      }),
  );
}

async function perform(page: Page, act: string, sockets: Set<WebSocketRoute>): Promise<void> {
  const [kind, what = ""] = act.split(/:(.*)/);
  if (kind === "key") await page.keyboard.press(what);
  else if (kind === "button") await page.getByRole("button", { name: what, exact: true }).click();
  else if (kind === "slider") await page.getByRole("slider").nth(1).fill("4000");
  else if (kind === "drop") for (const socket of sockets) await socket.close({ code: 1012 });
  else if (kind === "see") await page.getByText(what).first().waitFor();
  else throw new Error(`nothing to do is called ${kind}`);
  await drawn(page);
}

async function refuse(page: Page): Promise<void> {
  await page.getByLabel("E-mail").fill("mira@acme.example");
  await page.getByLabel("Password", { exact: true }).fill("correct horse");
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
      resultTypes: ["violations"],
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
  violations: { id: string; impact: string; nodes: { html: string; any: { message: string }[] }[] }[];
}
