import { describe, expect, it } from "vitest";
import { slugOf } from "../projects/slug";
import { read } from "./allauth";
import { strength } from "./strength";
import { safeNext } from "./useForm";

describe("what allauth answers", () => {
  const pending = (id: string) => ({
    status: 401,
    data: { flows: [{ id: "login" }, { id, is_pending: true }] },
  });

  it.each([
    [{ status: 200, meta: { is_authenticated: true } }, "signed-in"],
    [pending("verify_email"), "verify-email"],
    [pending("password_reset_by_code"), "reset-code"],
  ])("%j leads on", (answer, next) => expect(read(answer)).toEqual({ next }));

  it("says what is wrong beside its field, the first of each", () => {
    const errors = [
      { message: "Taken", code: "email_taken", param: "email" },
      { message: "Odd", code: "invalid", param: "email" },
      { message: "No", code: "no" },
    ];
    expect(read({ status: 400, errors })).toEqual({ wrong: { email: "Taken", "": "No" } });
  });

  it.each([429, 409, 401, 500])("%i without words of its own still says something", (status) => {
    const outcome = read({ status });
    expect("wrong" in outcome && outcome.wrong[""]).toMatch(/\w{3}.*\./);
  });
});

it.each([
  ["/acme/shop", "/acme/shop"],
  ["//evil.example", "/"],
  ["https://evil.example/", "/"],
  ["/\\evil.example", "/"],
  ["/\t/evil.example", "/"],
  ["/a?next=//b", "/a?next=//b"],
  ["javascript:alert(1)", "/"],
  ["//", "/"],
  ["", "/"],
])("after signing in, next=%j leads to %j", (next, to) => {
  expect(safeNext(next)).toBe(to);
});

it.each([
  ["Shop", "shop"],
  ["  Café & Söhne GmbH ", "cafe-sohne-gmbh"],
  ["a--b", "a-b"],
  ["A name that is longer than a label", "a-name-that-is-long"],
  ["exactly nineteen--x-y", "exactly-nineteen-x"],
  ["茶", ""],
])("%j has the address %j", (name, slug) => {
  expect(slugOf(name)).toBe(slug);
});

it.each([
  ["short", 0],
  ["password123", 1],
  ["1111111111", 1],
  ["mira.holt-2", 1],
  ["kettle-9-Ferry", 3],
  ["kettleferry", 1],
  ["kettle ferry", 2],
])("%j scores %i", (password, score) => {
  expect(strength(password, "mira@acme.example").score).toBe(score);
});
