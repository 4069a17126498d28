// What a handler is given: ctx, and req for endpoints. Everything on ctx may be destructured.
import { emitRest } from './emits.mjs'
import { readFileSync } from 'node:fs'
import { blobsOf } from './blobs.mjs'
import { encode, encodeLoosely } from './values.mjs'

const MOST_WRITES = 1000 // wistro/protocol/frames.py
const MAX_LINE = 64 * 1024

export class Refused extends Error {
  name = 'Refused'

  constructor({ message, code, path, hint }) {
    super(path === undefined || path === null ? message : `${message} (at ${path === '' ? 'the top' : path})`)
    Object.assign(this, { code, path: path ?? null, hint: hint ?? null })
  }
}

// One call: its questions to the engine, its log lines, and its end.
export class Attempt {
  partial = {}
  isOver = false
  waiting = new Map()
  onAnswer = null
  #channel
  #lastAsk = 0
  hasRefusals = false
  #writes = 0
  #cancelReason = null
  #abort = null

  constructor(number, channel) {
    this.number = number
    this.#channel = channel
  }

  tell(frame, rest) {
    this.#channel.send(`{"frame":"${frame}","call":${this.number}${rest}}`)
  }

  // The engine does not answer writes, so it is here that one too many is refused at its line.
  countWrite() {
    if (this.#writes < MOST_WRITES) {
      this.#writes++
      return
    }
    throw new Refused({
      message: `an attempt writes at most ${MOST_WRITES.toLocaleString('en')} times to the state`,
      code: 'state.too-many-writes',
      hint: 'Work on fewer at once: emit a message for each part, and let a step take one.',
    })
  }

  // A promise of the engine's answer.
  ask(frame, rest, caller) {
    this.checkOpen()
    const ask = ++this.#lastAsk
    this.#channel.send(`{"frame":"${frame}","call":${this.number},"ask":${ask}${rest}}`)
    const place = {}
    Error.captureStackTrace(place, caller) // formatted only if the engine refuses
    return this.#promised(ask, place)
  }

  #promised(ask, place) {
    let settle
    const promise = new Promise((resolve, reject) => {
      settle = { resolve, reject, place }
    })
    settle.promise = promise
    this.waiting.set(ask, settle)
    return promise
  }

  answer({ ask, value, refusal }) {
    const settle = this.waiting.get(ask)
    if (settle === undefined) return
    this.waiting.delete(ask)
    this.onAnswer?.()
    if (refusal === undefined || refusal === null) {
      settle.resolve(value ?? null)
    } else {
      const error = new Refused(refusal)
      error.stack = `${error.name}: ${error.message}\n${(settle.place.stack ?? '').replace(/^.*\n/, '')}`
      this.hasRefusals = true
      settle.reject(error)
    }
  }

  // Waits for emits that the handler did not await. A refusal that it did not take is an unhandledRejection, which
  // fails the call; it is told before the next turn of the loop.
  async settleRest() {
    while (this.waiting.size > 0) {
      await new Promise((resolve) => {
        this.onAnswer = resolve
      })
    }
    if (this.hasRefusals) await new Promise((resolve) => setImmediate(resolve))
  }

  checkOpen() {
    if (this.#cancelReason !== null) throw this.#cancelError()
    if (this.isOver) throw new Error('this attempt is over: emits and state need an attempt that still runs')
  }

  #cancelError() {
    return Object.assign(new Error(`this attempt was cancelled: ${this.#cancelReason}`), { name: 'AbortError' })
  }

  cancel(reason) {
    this.#cancelReason = reason
    this.#abort?.abort(this.#cancelError())
    for (const { reject, promise } of this.waiting.values()) {
      promise.catch(() => {})
      reject(this.#cancelError())
    }
    this.waiting.clear()
    this.onAnswer?.()
  }

  // The items one by one, until the call is cancelled: then the iterator is told, so that its `finally` runs.
  async *interruptible(items) {
    const iterator = items[Symbol.asyncIterator]?.() ?? items[Symbol.iterator]()
    const cancelled = new Promise((_, reject) => {
      const abort = () => reject(this.#cancelError())
      if (this.#cancelReason !== null) abort()
      else this.signal.addEventListener('abort', abort, { once: true })
    })
    cancelled.catch(() => {})
    let isWhole = false
    try {
      while (true) {
        const { done, value } = await Promise.race([iterator.next(), cancelled])
        if (done) break
        yield value
      }
      isWhole = true
    } finally {
      if (!isWhole) Promise.resolve(iterator.return?.()).catch(() => {})
    }
  }

  get signal() {
    if (this.#abort === null) {
      this.#abort = new AbortController()
      if (this.#cancelReason !== null) this.#abort.abort(this.#cancelError())
    }
    return this.#abort.signal
  }

  log(level, message, fields, source = 'logger') {
    if (this.#channel.isCrowded) {
      droppedLines.count++
      return
    }
    this.tell('log', logRest(level, message, fields, source))
    this.#channel.flush() // out before the step's next line can end the process or hold up the loop
  }
}

export const droppedLines = { count: 0 }

export function logRest(level, message, fields, source) {
  let text = typeof message === 'string' ? message : inspectLoosely(message)
  if (text.length > MAX_LINE) text = `${text.slice(0, MAX_LINE)} … (cut)`
  let kept = ''
  if (fields !== undefined && fields !== null) {
    const isObject = typeof fields === 'object' && !Array.isArray(fields) && !(fields instanceof Error)
    kept = encodeLoosely(isObject ? fields : { value: fields })
    if (kept.length > MAX_LINE) kept = '{"cut":"the fields were over 64 KiB"}'
    kept = `,"fields":${kept}`
  }
  return `,"at_us":${Date.now() * 1000},"level":"${level}","message":${encodeLoosely(text)}${kept},"source":"${source}"`
}

function inspectLoosely(message) {
  return message instanceof Error ? String(message.stack ?? message) : String(message)
}

export class Context {
  #context
  #attempt
  #made = {}

  constructor(context, attempt, env) {
    this.#context = context
    this.#attempt = attempt
    this.env = env
  }

  get emit() {
    return (this.#made.emit ??= emitOf(this.#attempt))
  }

  get state() {
    return (this.#made.state ??= stateOf(this.#attempt))
  }

  get blobs() {
    return (this.#made.blobs ??= blobsOf(this.#attempt))
  }

  get logger() {
    return (this.#made.logger ??= loggerOf(this.#attempt))
  }

  get signal() {
    return this.#attempt.signal
  }

  get runId() {
    return this.#context.run_id
  }

  get traceId() {
    return this.#context.trace_id
  }

  get traceparent() {
    return this.#context.traceparent ?? ''
  }

  get tracestate() {
    return this.#context.tracestate ?? ''
  }

  get now() {
    return new Date(this.#context.now_us / 1000)
  }

  get deadline() {
    return new Date(this.#context.deadline_us / 1000)
  }

  get attempt() {
    return this.#context.attempt
  }

  get idempotencyKey() {
    return this.#context.idempotency_key
  }

  get auth() {
    return this.#context.auth ?? null
  }

  get topic() {
    return this.#context.topic ?? null
  }

  get flows() {
    return this.#context.flows ?? []
  }
}

function emitOf(attempt) {
  return function emit(event) {
    return attempt.ask('emit', emitRest(event), emit).then(nothing)
  }
}

function nothing() {}

const UPDATE = 'update takes one of { set }, { increment }, { append }, { merge }'

// Writes are held until the attempt commits; reads see the latest commit and the attempt's own writes.
function stateOf(attempt) {
  const write = (op, group, key, value, more = '') => {
    attempt.checkOpen()
    const rest = `,"op":"${op}","group":${name(group)},"key":${name(key)},"value":${encode(value)}${more}`
    attempt.countWrite()
    attempt.tell('write', rest)
    return Promise.resolve()
  }
  return {
    get: function get(group, key) {
      return attempt.ask('get', `,"group":${name(group)},"key":${name(key)}`, get)
    },
    list: function list(group) {
      return attempt.ask('list', `,"group":${name(group)}`, list)
    },
    // Motia's spelling of what `list` gives: the values without their keys.
    getGroup: function getGroup(group) {
      return attempt.ask('list', `,"group":${name(group)}`, getGroup).then((pairs) => pairs.map(([, value]) => value))
    },
    // The value, and the version for `set(…, ifVersion)`.
    getVersioned: function getVersioned(group, key) {
      return attempt.ask('get', `,"group":${name(group)},"key":${name(key)},"versioned":true`, getVersioned)
    },
    // An `undefined` that was meant as a version is refused, so that nothing is overwritten by a slip.
    set: (group, key, value, ...versions) => {
      if (versions.length === 0) return write('set', group, key, value)
      const [ifVersion] = versions
      if (typeof ifVersion !== 'string') {
        throw new TypeError(`ifVersion is what getVersioned gave, a string, not ${String(ifVersion)}`)
      }
      return write('set', group, key, value, `,"if_version":${encode(ifVersion)}`)
    },
    delete: (group, key) => write('delete', group, key, null),
    clear: (group) => write('clear', group, '', null),
    update: (group, key, op) => {
      const entries = op !== null && typeof op === 'object' ? Object.entries(op) : []
      if (entries.length !== 1) throw new TypeError(UPDATE)
      const [[kind, value]] = entries
      if (!['set', 'increment', 'append', 'merge'].includes(kind)) throw new TypeError(`${UPDATE}, not \`${kind}\``)
      if (kind === 'increment' && typeof value !== 'number') throw new TypeError(`increment takes a number, not ${String(value)}`)
      if (kind === 'merge' && (value === null || typeof value !== 'object' || Array.isArray(value))) {
        throw new TypeError(`merge takes an object, not ${String(value)}`)
      }
      return write(kind, group, key, value)
    },
  }
}

function name(value) {
  if (typeof value !== 'string') throw new TypeError(`groups and keys of the state are strings, not ${String(value)}`)
  return encode(value)
}

function loggerOf(attempt) {
  return {
    debug: (message, fields) => attempt.log('debug', message, fields),
    info: (message, fields) => attempt.log('info', message, fields),
    warn: (message, fields) => attempt.log('warn', message, fields),
    error: (message, fields) => attempt.log('error', message, fields),
  }
}

// An endpoint's input.
export class Request {
  #raw
  #rawPath
  #bytes = null

  constructor(request) {
    this.method = request.method
    this.path = request.path
    this.pathParams = request.path_params ?? {}
    this.queryParams = request.query_params ?? {}
    this.headers = request.headers ?? {}
    this.body = request.body ?? null
    this.#raw = request.raw_body_base64 ?? ''
    this.#rawPath = request.raw_body_path ?? ''
  }

  get rawBody() {
    return (this.#bytes ??= this.#rawPath === '' ? Buffer.from(this.#raw, 'base64') : readFileSync(this.#rawPath))
  }
}
