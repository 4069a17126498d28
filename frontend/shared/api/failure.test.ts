import { expect, it } from "vitest";
import { ApiFailure, explain, wrongWith } from "./failure";

const refused = (message: string, hint: string | null, fields: Record<string, string[]>) =>
  new ApiFailure(422, "request.invalid", message, hint, fields);

it.each([
  [refused("`shop` is taken", "Choose another slug.", {}), "`shop` is taken. Choose another slug."],
  [refused("It failed.", null, {}), "It failed."],
  [new Error("as it is"), "as it is"],
])("says %s in whole sentences", (error, said) => expect(explain(error)).toBe(said));

it("says beside its field the whole of what is wrong, not one word of it", () => {
  const error = refused("`shop` is taken", "Choose another slug.", { slug: ["taken"] });
  expect(wrongWith(error, "slug")).toBe("`shop` is taken. Choose another slug.");
  expect(wrongWith(error, "name")).toBeUndefined();
});

it("says a checked form's fields each beside itself", () => {
  const error = refused("name: Too long; url: Not a URL", null, { name: ["Too long"], url: ["Not a URL"] });
  expect([wrongWith(error, "name"), wrongWith(error, "url")]).toEqual(["Too long.", "Not a URL."]);
});
