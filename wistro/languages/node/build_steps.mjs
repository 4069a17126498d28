// One esbuild call for all of a project's TypeScript and JavaScript steps. JSON request on stdin, JSON answer on stdout.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const request = JSON.parse(readFileSync(0, 'utf8'));
const esbuild = createRequire(import.meta.url)(request.esbuild);

const places = (found) =>
  found.map(({ text, location }) => ({ text, file: location?.file ?? null, line: location?.line ?? 1, source: location?.lineText ?? '' }));

try {
  const { metafile, warnings } = await esbuild.build({
    absWorkingDir: request.root,
    entryPoints: request.entries.map(({ file, out }) => ({ in: file, out })),
    outdir: request.outdir,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    alias: { '@wistro/sdk': request.sdk },
    banner: { js: "import { createRequire as wistroRequire } from 'node:module'; const require = wistroRequire(import.meta.url);" },
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    logLevel: 'silent',
  });
  const inputs = Object.fromEntries(
    Object.entries(metafile.inputs).map(([path, { imports }]) => [path, imports.filter((one) => !one.external).map((one) => one.path)]),
  );
  process.stdout.write(JSON.stringify({ inputs, warnings: places(warnings) }));
} catch (error) {
  if (!Array.isArray(error.errors)) throw error;
  process.stdout.write(JSON.stringify({ errors: places(error.errors) }));
}
process.exitCode = 0;
