import { defineConfig } from "vitest/config";
import { alias } from "./vite.shared.ts";

export default defineConfig({
  resolve: { alias },
  test: { environment: "happy-dom", include: ["{hub,local,shared}/**/*.test.{ts,tsx}"], maxWorkers: 2 },
});
