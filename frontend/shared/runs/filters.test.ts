import { describe, expect, it } from "vitest";
import { query } from "../api/client";
import { clean } from "../shell/Go";
import { parseSearch, stringifySearch } from "../shell/search";
import { seeded, seeds } from "../testing/random";
import { isFiltered, isLineFiltered, lineFilters, runFilters } from "./filters";

describe("the address", () => {
  it("keeps what was written, as it was written", () => {
    expect(parseSearch("?version=27&text=%22a+b%22&status=true")).toEqual({
      version: "27",
      text: '"a b"',
      status: "true",
    });
    expect(stringifySearch({ text: "", flow: undefined })).toBe("");
  });

  it.each(seeds(40))("gives back the filters that made it (seed %i)", (seed) => {
    const random = seeded(seed);
    const letters = ["a", "ü", "日", "🫖", " ", "&", "=", "#", "%", "+", "?", '"', "'"];
    const words = () => Array.from({ length: random.whole(0, 8) }, () => random.pick(letters)).join("");
    const filters = {
      status: random.pick(["", "failed", "done", "dead"]),
      step: words(),
      flow: words(),
      version: random.pick(["", "1", "27"]),
      text: words(),
    };
    expect(runFilters(parseSearch(stringifySearch(clean(filters))))).toEqual(filters);
    const asked = new URLSearchParams(query(filters));
    for (const [name, value] of Object.entries(filters)) expect(asked.get(name) ?? "").toBe(value);
  });
});

describe("what makes no sense", () => {
  it("is no filter", () => {
    expect(isFiltered(runFilters({ status: "jolly", version: "27; drop", other: "x" }))).toBe(false);
    expect(isLineFiltered(lineFilters({ level: "loud" }))).toBe(false);
  });

  it("does not hide what does", () => {
    expect(runFilters({ status: "jolly", text: "tea" })).toMatchObject({ status: "", text: "tea" });
    expect(isLineFiltered(lineFilters({ level: "warn" }))).toBe(true);
  });
});
