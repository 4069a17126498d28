import { expect, test } from "vitest";
import { router } from "./router";

test("an environment's own address leads to its first screen", async () => {
  router.history.push("/acme/shop/dev");

  await router.load();

  expect(router.state.location.pathname).toBe("/acme/shop/dev/traffic");
});
