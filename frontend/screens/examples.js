// `node screens/examples.js`: the examples as JSON on stdout, for tests that are not written in TypeScript.
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const { module } = await runnerImport(fileURLToPath(new URL("./examples.ts", import.meta.url)), {
  logLevel: "silent",
});
process.stdout.write(JSON.stringify({ examples: module.examples, readings: module.readings }));
