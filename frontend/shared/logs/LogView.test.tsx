import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
// The log on the page: it follows its end, stands still when paused, and leads to the attempt behind a line.
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LiveProvider } from "../live/react";
import { LiveSocket } from "../live/socket";
import { type Place, PlaceProvider } from "../shell/place";
import { FakeLines, HubSockets } from "../testing/hub";
import { LogView } from "./LogView";

vi.mock("../shell/Go", () => ({
  Go: ({ to, search, children }: { to: string; search?: Record<string, string>; children: ReactNode }) => (
    <a href={`${to}?${new URLSearchParams(search)}`}>{children}</a>
  ),
}));

const place: Place = {
  api: "/api/v1/environments/env_1",
  url: "/acme/shop/prod",
  topic: (what, id) => (id ? `${what}:${id}` : `${what}:env_1`),
  firstRun: "curl -X POST http://prod/",
  isLocal: false,
};
const none = { run: "", step: "", level: "", text: "" };

let server: FakeLines;
let hub: HubSockets;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeLines();
  hub = new HubSockets();
  vi.stubGlobal("fetch", async (path: string) => {
    const search = Object.fromEntries(new URL(path, "http://hub").searchParams);
    const page = await server.read(search).catch(() => null);
    const headers = { "content-type": "application/json" };
    return new Response(JSON.stringify(page ?? {}), { status: page ? 200 : 503, headers });
  });
  // happy-dom lays nothing out: the list is as high as 20 lines.
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(480);
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(800);
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
const write = async (count: number) => {
  server.last += count;
  hub.hint("lines:env_1");
  await pass(300);
};

async function show(props: Partial<Parameters<typeof LogView>[0]> = {}) {
  const live = new LiveSocket({ open: hub.open });
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const element = (more: Partial<Parameters<typeof LogView>[0]>) => (
    <QueryClientProvider client={queries}>
      <LiveProvider value={live}>
        <PlaceProvider value={place}>
          <LogView filters={none} {...props} {...more} />
        </PlaceProvider>
      </LiveProvider>
    </QueryClientProvider>
  );
  const page = render(element({}));
  await pass(300);
  return { change: (more: Partial<Parameters<typeof LogView>[0]>) => page.rerender(element(more)) };
}

const seqs = () =>
  [...document.querySelectorAll<HTMLElement>("[data-seq]")].map((line) => Number(line.dataset.seq));

it("names the command that makes the first line, and then shows it", async () => {
  await show();
  expect(screen.getByText("No log line yet")).toBeTruthy();
  expect(screen.getByText(place.firstRun)).toBeTruthy();
  await write(2);
  expect(seqs()).toEqual([1, 2]);
});

it("says that nothing matches when something was asked for", async () => {
  await show({ filters: { ...none, text: "tea" } });
  expect(screen.getByText("No line matches")).toBeTruthy();
});

it("says that a run logged nothing, not that nothing matches", async () => {
  await show({ filters: { ...none, run: "run_1" } });
  expect(screen.getByText("This run logged nothing")).toBeTruthy();
});

it("holds in the page only what is near, of however many", async () => {
  server = new FakeLines(1_000);
  server.last = 1_000;
  await show();
  expect(seqs().length).toBeGreaterThan(20);
  expect(seqs().length).toBeLessThan(80);
  expect(screen.getByText(/^1,000 lines/)).toBeTruthy();
});

it("stands still while paused, counts what comes, and goes on with all of it", async () => {
  server.last = 3;
  const { change } = await show();
  change({ paused: true });
  await write(4);
  expect(seqs()).toEqual([1, 2, 3]);
  expect(screen.getByText("Paused, 4 new lines")).toBeTruthy();
  change({ paused: false });
  await pass(300);
  expect(seqs()).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

it("offers to try again when the first read failed, and does so by itself too", async () => {
  server.fails = true;
  server.last = 1;
  await show();
  expect(screen.getByRole("alert")).toBeTruthy();
  server.fails = false;
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await pass(300);
  expect(seqs()).toEqual([1]);
});

it("leads from a line to the attempt that wrote it, and shows no markup of a line's as such", async () => {
  server.last = 6;
  await show();
  const [link] = screen.getAllByRole("link");
  expect(link!.getAttribute("href")).toMatch(/^\/acme\/shop\/prod\/runs\/run_\w+\?attempt=att_\w+$/);
  expect(screen.getByText(/<b>not markup<\/b>/)).toBeTruthy();
});
