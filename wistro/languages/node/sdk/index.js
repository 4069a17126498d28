// What a step throws to say how to go on. Known to the host by these symbols, so that a bundled copy counts too.

export class NonRetriable extends Error {
  name = 'NonRetriable';
  [Symbol.for('wistro.NonRetriable')] = true
}

export class RetryAfter extends Error {
  name = 'RetryAfter';
  [Symbol.for('wistro.RetryAfter')] = true

  constructor(seconds, message, options) {
    super(message ?? `asked to be tried again in ${seconds} s`, options)
    this.seconds = seconds
  }
}

export class NotYet extends Error {
  name = 'NotYet';
  [Symbol.for('wistro.NotYet')] = true
}

export const blobRef = {
  type: 'object',
  required: ['blob', 'size'],
  properties: {
    blob: { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' },
    size: { type: 'integer', minimum: 0 },
    type: { type: 'string' },
    name: { type: 'string' },
  },
}

// Answers that are sent while the step works; see index.d.ts. Known to the host by its symbol.
class Streamed {
  [Symbol.for('wistro.Streamed')] = true

  constructor(items, headers, encode, last) {
    this.items = items
    this.headers = headers
    this.encode = encode
    this.last = (runId) => {
      const value = typeof last === 'function' ? last(runId) : last
      return value === null || value === undefined ? null : encode(value)
    }
  }
}

export function sse(events, { last = (runId) => ({ event: 'done', data: { run_id: runId } }) } = {}) {
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' }
  return new Streamed(events, headers, eventOf, last)
}

export function ndjson(items, { last = (runId) => ({ done: true, run_id: runId }) } = {}) {
  return new Streamed(items, { 'content-type': 'application/x-ndjson' }, (item) => `${JSON.stringify(item)}\n`, last)
}

const EVENT_KEYS = new Set(['event', 'data', 'id', 'retry'])

function eventOf(given) {
  const keys = given !== null && typeof given === 'object' && !Array.isArray(given) ? Object.keys(given) : []
  const event = keys.length > 0 && keys.every((key) => EVENT_KEYS.has(key)) ? given : { data: given }
  let text = ''
  for (const key of ['event', 'id', 'retry']) {
    if (event[key] === undefined) continue
    if (/[\r\n\0]/.test(String(event[key]))) throw new TypeError(`an event's ${key} is one line: ${JSON.stringify(event[key])}`)
    text += `${key}: ${event[key]}\n`
  }
  if (event.data !== undefined) {
    const data = typeof event.data === 'string' ? event.data : JSON.stringify(event.data)
    for (const line of data.split(/\r\n|\r|\n/)) text += `data: ${line}\n`
  }
  return `${text}\n`
}
