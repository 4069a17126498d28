// JSON out. What every language reads alike may leave; anything else is refused with its place, as a JSON pointer.

const MAX_DEPTH = 100

export class Unserialisable extends TypeError {
  name = 'Unserialisable'

  constructor(what, path) {
    super(`${what} at ${path === '' ? 'the top' : path}`)
    this.path = path
  }
}

// Compact JSON. An undefined property is left out, as JSON does; everywhere else undefined is refused.
export function encode(value) {
  check(value, null, '', 0)
  return JSON.stringify(value)
}

// `at` is the parent's path as a linked list, joined only when something is wrong.
function check(value, at, key, depth) {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) refuse('half of a surrogate pair', at, key)
      return
    case 'number':
      if (!Number.isFinite(value)) refuse(String(value), at, key)
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) refuse('an integer beyond 2^53-1', at, key)
      return
    case 'boolean':
      return
    case 'object':
      if (value !== null) checkObject(value, at, key, depth)
      return
    case 'undefined':
      return refuse('undefined', at, key)
    case 'bigint':
      return refuse('a BigInt', at, key)
    default:
      return refuse(`a ${typeof value}`, at, key)
  }
}

function checkObject(value, at, key, depth) {
  if (depth >= MAX_DEPTH) refuse(`more than ${MAX_DEPTH} levels, or a cycle,`, at, key)
  const here = { at, key }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) check(value[index], here, index, depth + 1)
    return
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) refuse('bytes', at, key)
    if (typeof value.toJSON === 'function') return check(value.toJSON(), at, key, depth + 1)
    for (const type of [Map, Set, WeakMap, WeakSet, Promise, RegExp, Error]) {
      if (value instanceof type) {
        const hint = type === Promise ? ' (an await is missing)' : ''
        refuse(`a ${type.name}${hint}`, at, key)
      }
    }
  }
  for (const name of Object.keys(value)) {
    if (!name.isWellFormed()) refuse('half of a surrogate pair in a key', at, key)
    const item = value[name]
    if (item !== undefined) check(item, here, name, depth + 1)
  }
}

function refuse(what, at, key) {
  const keys = []
  for (let link = { at, key }; link.at !== null; link = link.at) keys.unshift(link.key)
  const path = keys.map((one) => `/${String(one).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')}`)
  throw new Unserialisable(what, path.join('').slice(0, 1000))
}

// For log fields, which must never fail a step: what is not JSON becomes its text.
export function encodeLoosely(value) {
  try {
    return encode(value)
  } catch {
    return JSON.stringify(loosen(value, 0))
  }
}

function loosen(value, depth) {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (value instanceof Error) return textOf(value.stack)
  if (depth < 20 && Array.isArray(value)) return value.map((item) => loosen(item, depth + 1))
  if (depth < 20 && typeof value === 'object') {
    try {
      return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [name.toWellFormed(), loosen(item, depth + 1)]),
      )
    } catch {
      return textOf(value)
    }
  }
  return textOf(value)
}

function textOf(value) {
  try {
    return String(value).slice(0, 10_000).toWellFormed()
  } catch {
    return `a ${typeof value} without a text`
  }
}
