// Bringing the code: three ways, what each sends, and what is shown once only.
import type { Project } from "@shared/api/types";
import { emptyProject, project } from "@shared/fixtures/hub";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { SourcePicker } from "./SourcePicker";

type Answer = [status: number, body: unknown];
let answers: Record<string, Answer>;
let asked: { what: string; body: unknown }[];

beforeEach(() => {
  answers = {};
  asked = [];
  vi.stubGlobal("fetch", async (path: string, { method, body }: RequestInit) => {
    const what = `${method} ${path.replace(/^\/api\/v1\/projects\/[^/]+\/source\//, "")}`;
    asked.push({ what, body: body ? JSON.parse(String(body)) : null });
    const [status, said] = answers[what] ?? [404, {}];
    return new Response(JSON.stringify(said), { status, headers: { "content-type": "application/json" } });
  });
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function show(given: Project = emptyProject) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <SourcePicker project={given} withCommand />
    </QueryClientProvider>,
  );
}

const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
const refusal = (message: string, fields: Record<string, string> = {}) => ({
  error: { code: "source.refused", message, hint: "Ask its owner.", fields },
});

it("goes to GitHub by the address that the Hub made", async () => {
  answers["POST github/start"] = [200, { redirect_url: "https://github.example/apps/wistro" }];
  const assign = vi.spyOn(location, "assign").mockReturnValue(undefined);
  show();
  press("Connect GitHub");
  await vi.waitFor(() => expect(assign).toHaveBeenCalledWith("https://github.example/apps/wistro"));
});

it("says why GitHub cannot be reached, with the way out", async () => {
  answers["POST github/start"] = [502, refusal("GitHub did not answer")];
  show();
  press("Connect GitHub");
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("GitHub did not answer. Ask its owner.");
});

it("offers the repositories of the installation, and sends the chosen one", async () => {
  answers["GET github/repositories"] = [200, { items: ["acme/shop", { full_name: "acme/site" }] }];
  answers["PUT github"] = [200, {}];
  show(project);
  fireEvent.change(await screen.findByLabelText("Repository"), { target: { value: "acme/site" } });
  await vi.waitFor(() =>
    expect(asked.at(-1)).toEqual({ what: "PUT github", body: { repository: "acme/site" } }),
  );
});

it("shows a git source's secret once, to copy", async () => {
  answers["PUT git"] = [200, { webhook_url: "https://hub/hooks/1", webhook_secret: "whsec_abc" }];
  show();
  press("Any git URL");
  fireEvent.change(screen.getByLabelText("Repository URL"), {
    target: { value: "https://git.example/a.git" },
  });
  press("Connect");
  expect(await screen.findByText("whsec_abc")).toBeTruthy();
  expect(screen.getByText("https://hub/hooks/1")).toBeTruthy();
  expect(asked.at(-1)).toEqual({ what: "PUT git", body: { url: "https://git.example/a.git" } });
});

it("says beside the field what is wrong with it, and keeps what was typed", async () => {
  answers["PUT git"] = [422, refusal("10.0.0.1 cannot be used: it is private", { url: "private" })];
  show();
  press("Any git URL");
  fireEvent.change(screen.getByLabelText("Repository URL"), { target: { value: "https://10.0.0.1/a.git" } });
  press("Connect");
  expect(await screen.findByText(/^10\.0\.0\.1 cannot be used: it is private\./)).toBeTruthy();
  expect((screen.getByLabelText("Repository URL") as HTMLInputElement).value).toBe("https://10.0.0.1/a.git");
});

it("has three lines for a folder", () => {
  show();
  press("A folder");
  const lines = screen
    .getAllByRole("button", { name: /^Copy / })
    .map((button) => button.getAttribute("aria-label"));
  expect(lines).toEqual([
    "Copy pip install .",
    `Copy wistro login --hub ${location.origin}`,
    "Copy wistro deploy --project acme/shop",
  ]);
});
