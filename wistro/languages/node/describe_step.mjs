// One built step file: import it, read `config`, turn its types into JSON Schema, write one JSON answer to a pipe.
// node describe_step.mjs <descriptor> <project> <step file> <built file>
import { existsSync, readFileSync, writeSync } from 'node:fs';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { NotPlain, describeConfig } from './describe_config.mjs';

const [descriptor, root, file, built] = process.argv.slice(2);

function answer(value) {
  let bytes = Buffer.from(JSON.stringify(value));
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(Number(descriptor), bytes));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
  process.reallyExit(0);
}

const problem = (code, message, line, at = null, hint = '') => answer({ problem: { code, message, line, at, hint } });

function ofTheProject(path) {
  const top = root + sep;
  if (!path.startsWith(top)) return null;
  const parts = path.slice(top.length).split(sep);
  return parts.includes('node_modules') || parts.some((one) => one.startsWith('.')) ? null : parts.join('/');
}

function placeOf(error) {
  for (const [, path, line] of String(error?.stack ?? '').matchAll(/(?:file:\/\/)?(\/[^\s()]+):(\d+):\d+/g)) {
    const below = ofTheProject(decodeURI(path));
    if (below !== null) return [below, Number(line)];
  }
  return [file, 1];
}

function lineWith(text) {
  const path = join(root, file);
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  const index = lines.findIndex((line) => line.includes(`'${text}`) || line.includes(`"${text}`));
  return index < 0 ? 1 : index + 1;
}

function importProblem(error) {
  const missing = /Cannot find (?:package|module) '([^']+)'/.exec(error?.message ?? '');
  if (missing && (error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND')) {
    const name = missing[1];
    const message = `\`${file}\` cannot be imported: there is no package \`${name}\``;
    return problem('lock.import', message, lineWith(name), file, `Run \`wistro install\`, or add \`${name}\` to package.json.`);
  }
  const [at, line] = placeOf(error);
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return problem('lock.import', `\`${file}\` cannot be imported: ${said.split('\n')[0]}`, line, at);
}

process.on('exit', () => {
  problem('lock.import', `\`${file}\` exits while it is imported`, 1, file, 'A step file only defines its config and handler.');
});
process.on('uncaughtException', importProblem);

let module;
try {
  module = await import(pathToFileURL(built).href);
} catch (error) {
  importProblem(error);
}
const own = 'config' in module ? module : { ...(module.default ?? {}) };
if (own.config === undefined || own.config === null) {
  problem('lock.no-config', `\`${file}\` has no \`config\``, 1, file, "A step file exports const config = { type: 'event', name: … }.");
}
if (typeof own.config !== 'object' || Array.isArray(own.config)) {
  problem('lock.config', `\`config\` is ${Array.isArray(own.config) ? 'a list' : `a ${typeof own.config}`}, not an object`, 1);
}
try {
  const handler = own.handler === undefined ? 'missing' : typeof own.handler === 'function' ? 'callable' : typeof own.handler;
  answer({ config: await describeConfig(own.config, join(built, '..')), handler });
} catch (error) {
  if (!(error instanceof NotPlain)) throw error;
  answer({ problem: { code: 'lock.config', message: error.message, line: 0, at: null, hint: '' }, key: error.key });
}
