import { expect, it } from "vitest";
import { aRun } from "../fixtures/runs";
import { first, newest, older, showFresh } from "./runList";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const page = (...numbers: number[]) => ({ runs: numbers.map((number) => aRun(number, NOW)), next: null });
const ids = (list: readonly { id: string }[]) => list.map(({ id }) => Number(id.slice(-5)));

it("what is newer waits until it is asked for, so that nothing moves", () => {
  const list = newest(first(page(2, 3)), page(0, 1, 2, 3));
  expect(ids(list.runs)).toEqual([89_998, 89_997]);
  expect(ids(list.fresh)).toEqual([90_000, 89_999]);
  expect(ids(showFresh(list).runs)).toEqual([90_000, 89_999, 89_998, 89_997]);
});

it("what is shown changes in place", () => {
  const list = newest(first(page(3)), { runs: [aRun(3, NOW, { status: "done" })], next: null });
  expect(list.runs[0]!.status).toBe("done");
  expect(list.fresh).toEqual([]);
});

it("no run stands twice, however pages overlap", () => {
  let list = first(page(4, 5));
  list = newest(list, page(2, 3, 4));
  list = newest(list, page(1, 2, 3));
  list = older(list, page(5, 6));
  expect(ids(showFresh(list).runs)).toEqual([89_999, 89_998, 89_997, 89_996, 89_995, 89_994]);
});
