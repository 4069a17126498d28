// `npm run screens -- [name…] [--short]`: every screen in every state as a picture in ../screens, held to axe,
// to the Hub's CSP and to a silent console.
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const { module } = await runnerImport(fileURLToPath(new URL("./main.ts", import.meta.url)), {
  resolve: { alias: { "@shared": fileURLToPath(new URL("../shared", import.meta.url)) } },
});
process.exitCode = await module.main(process.argv.slice(2));
