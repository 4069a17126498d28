// What the traffic editor does: the sum held, the draft kept while the page goes on living, what is sent.
import type { Traffic } from "@shared/api/types";
import { traffic as fixture } from "@shared/fixtures/hub";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { drawsOf } from "./Draws";
import { choices, withNew } from "./useTraffic";
import { Weights } from "./Weights";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const traffic = fixture(NOW);
const bare = { isPending: false, error: null, mutate: vi.fn() };
type Apply = Parameters<typeof Weights>[0]["apply"];

afterEach(() => {
  cleanup();
  bare.mutate.mockReset();
});

const show = (given: Traffic = traffic) =>
  render(<Weights traffic={given} apply={bare as unknown as Apply} />);
const percent = (version: number) =>
  Number((screen.getByLabelText(`Percent for version ${version}`) as HTMLInputElement).value);
const slide = (version: number, weight: number) =>
  fireEvent.change(screen.getByLabelText(`Weight of version ${version}`), { target: { value: weight } });
const shown = () => [28, 27, 26, 25, 24].map(percent);
const apply = () => screen.getByRole("button", { name: "Apply weights" }) as HTMLButtonElement;

describe("the weights", () => {
  it("are sent only when they differ from what is there", () => {
    show();
    expect(apply().disabled).toBe(true);
    slide(27, 4_000);
    expect(shown()).toEqual([0, 40, 40, 20, 0]);
    slide(27, 2_500);
    expect(shown()).toEqual([0, 25, 50, 25, 0]);
    expect(apply().disabled).toBe(true);
  });

  it("are sent whole, with the generation that they began from and the reason", () => {
    show();
    slide(27, 4_000);
    fireEvent.change(screen.getByLabelText(/^Why/), { target: { value: "  measured  " } });
    fireEvent.click(apply());
    const [body] = bare.mutate.mock.calls[0]!;
    const weights = Object.values(body.weights as Record<string, number>);
    expect(weights.reduce((sum, each) => sum + each, 0)).toBe(10_000);
    expect(body).toMatchObject({ if_generation: 14, note: "measured" });
    expect(body.weights[traffic.deployments[1]!.id]).toBe(4_000);
  });

  it("can be typed, and what makes no sense is not taken", () => {
    show();
    const field = screen.getByLabelText("Percent for version 26");
    fireEvent.change(field, { target: { value: "33,33" } });
    fireEvent.blur(field);
    expect(percent(26)).toBe(33.33);
    fireEvent.change(field, { target: { value: "lots" } });
    expect(field.getAttribute("aria-invalid")).toBe("true");
    fireEvent.blur(field);
    expect(percent(26)).toBe(33.33);
  });

  it("that are locked stay", () => {
    show();
    fireEvent.click(screen.getByLabelText("Keep version 25 as it is"));
    slide(27, 6_000);
    expect(shown()).toEqual([0, 60, 15, 25, 0]);
  });

  it("in preparation outlive what happens meanwhile, and say that it happened", () => {
    const page = show();
    slide(27, 4_000);
    page.rerender(<Weights traffic={{ ...traffic, generation: 15 }} apply={bare as unknown as Apply} />);
    expect(shown()).toEqual([0, 40, 40, 20, 0]);
    fireEvent.click(screen.getByRole("button", { name: "Start from the new weights" }));
    expect(shown()).toEqual([0, 25, 50, 25, 0]);
  });
});

it("a draft takes in a version that came and lets go of one that went", () => {
  const share = (id: string, weight: number) => ({ id, weight, locked: false });
  const draft = [share("a", 4_000), share("b", 6_000)];
  expect(withNew(draft, [share("new", 500), share("b", 9_500)])).toEqual([
    share("new", 0),
    share("b", 6_000),
  ]);
});

it("stopped versions without weight are no choice", () => {
  const [first] = traffic.deployments;
  const deployments = [
    { ...first!, id: "1", state: "stopped" as const, weight: 0 },
    { ...first!, id: "2", state: "failed" as const, weight: 10_000 },
  ];
  expect(choices({ ...traffic, deployments }).map(({ id }) => id)).toEqual(["2"]);
});

it("draws stand beside their target, those of gone versions too", () => {
  const draws = { ...traffic.draws, 19: { calls: 4, share: 0.01 } };
  expect(
    drawsOf({ ...traffic, draws }).map(({ version, target, calls }) => [version, target, calls]),
  ).toEqual([
    [27, 0.25, 1_044],
    [26, 0.5, 2_088],
    [25, 0.25, 1_044],
    [19, 0, 4],
  ]);
});
