// A step's `config` as plain data: schemas as JSON Schema, functions by name, and nothing that JSON cannot hold.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { unlinkSync, writeFileSync } from 'node:fs';
import { fromZod3 } from './describe_zod3.mjs';

const SCHEMAS_AT = new Set(['bodySchema', 'input']);
const MAX_DEPTH = 24;

export class NotPlain extends Error {
  constructor(key, message) {
    super(message);
    this.key = key;
  }
}

export async function describeConfig(config, folder) {
  const found = {};
  for (const [key, value] of Object.entries(config)) {
    if (value === undefined) continue;
    found[key] = await valueOf(key, value, folder);
  }
  return found;
}

async function valueOf(key, value, folder) {
  if (value === null) return null;
  if (SCHEMAS_AT.has(key)) return schemaOf(value, key, folder);
  if (key === 'responseSchema' && isPlain(value)) {
    const found = {};
    for (const [status, one] of Object.entries(value)) found[status] = await schemaOf(one, key, folder);
    return found;
  }
  if (key === 'emits' && Array.isArray(value)) {
    return Promise.all(value.map((one) => withSchema(one, 'schema', key, folder)));
  }
  if (key === 'middleware' && Array.isArray(value)) return value.map(named);
  if (key === 'task' && isPlain(value)) return taskOf(value, folder);
  return plain(value, key);
}

// What is in the lock of a function: its name. It runs from the step's file.
function named(value) {
  if (typeof value !== 'function') throw new NotPlain('middleware', '`middleware` is a list of functions');
  return value.name || 'middleware';
}

// A No-Op step's: its answers' forms are schemas.
async function taskOf({ answers, ...rest }, folder) {
  const found = plain(rest, 'task');
  if (!isPlain(answers)) return answers === undefined ? found : { ...found, answers: plain(answers, 'task') };
  found.answers = {};
  for (const [name, one] of Object.entries(answers)) {
    if (one !== undefined) found.answers[name] = await withSchema(one, 'form', 'task', folder);
  }
  return found;
}

// A part of the config as it is, but for the schema `at` one of its keys.
async function withSchema(value, at, key, folder) {
  if (!isPlain(value) || value[at] === undefined || value[at] === null) return plain(value, key);
  const { [at]: schema, ...rest } = value;
  return { ...plain(rest, key), [at]: await schemaOf(schema, key, folder) };
}

async function schemaOf(value, key, folder) {
  try {
    if (value?._zod?.def) return await fromZod4(value, folder);
    if (typeof value?._def?.typeName === 'string' && value._def.typeName.startsWith('Zod')) return fromZod3(value);
    const standard = value?.['~standard']?.jsonSchema?.input;
    if (typeof standard === 'function') return plain(standard({ target: 'draft-2020-12' }), key);
  } catch (error) {
    throw new NotPlain(key, `\`${key}\` gives no JSON Schema: ${String(error?.message ?? error).split('\n')[0]}`);
  }
  if (typeof value === 'boolean') return value;
  if (!isPlain(value)) throw new NotPlain(key, `\`${key}\` is neither a zod schema nor JSON Schema`);
  return plain(value, key);
}

let converter;

async function fromZod4(value, folder) {
  converter ??= findConverter(folder);
  const toJSONSchema = await converter;
  if (toJSONSchema === undefined) throw new Error('this zod has no toJSONSchema; zod 4 or zod 3 is needed');
  return toJSONSchema(value, { io: 'input', target: 'draft-2020-12' });
}

// The project's own zod converts: an import from beside the built step resolves as the step's does.
async function findConverter(folder) {
  const beside = join(folder, `zod-${process.pid}.mjs`);
  writeFileSync(beside, 'export const load = (name) => import(name);\n');
  const { load } = await import(pathToFileURL(beside).href).finally(() => unlinkSync(beside));
  for (const name of ['zod', 'zod/v4', 'zod/v4/core']) {
    const module = await load(name).catch(() => ({}));
    const found = module.toJSONSchema ?? module.z?.toJSONSchema;
    if (found !== undefined) return found;
  }
  return undefined;
}

function isPlain(value) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function plain(value, key, depth = 0) {
  if (depth > MAX_DEPTH) throw new NotPlain(key, `\`${key}\` is nested too deep or holds itself`);
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new NotPlain(key, `\`${key}\` holds text that is not Unicode`);
    return value;
  }
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new NotPlain(key, `\`${key}\` holds ${value}, which is not JSON`);
    return value;
  }
  if (typeof value === 'function') return { $callable: value.name || 'function' };
  if (Array.isArray(value)) return value.map((one) => plain(one === undefined ? null : one, key, depth + 1));
  if (isPlain(value)) {
    const found = {};
    for (const [name, one] of Object.entries(value)) {
      if (one !== undefined) found[name] = plain(one, key, depth + 1);
    }
    return found;
  }
  throw new NotPlain(key, `\`${key}\` holds a ${value?.constructor?.name ?? typeof value}, which a config cannot`);
}
