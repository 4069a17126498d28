// An endpoint's answer in pieces: what a handler returned is recognised, and sent while its iterator runs.
import { answerOf, BadAnswer } from './answers.mjs'
import { encode } from './values.mjs'

const CHUNK_BYTES = 1024 * 1024 // wistro/protocol/frames.py, Chunk
const STREAMED = Symbol.for('wistro.Streamed') // of the SDK's sse and ndjson, a bundled copy's too

// { head, body } of a streamed answer, else null.
export function streamedOf(returned) {
  if (returned === null || typeof returned !== 'object') return null
  if (isStream(returned)) return { head: {}, body: wrapped(returned) }
  if (!isStream(returned.body)) return null
  const { body, ...head } = returned
  return { head, body: wrapped(body) }
}

function isStream(value) {
  if (value === null || typeof value !== 'object') return false
  if (value[STREAMED] || typeof value[Symbol.asyncIterator] === 'function') return true
  return typeof value.next === 'function' && typeof value[Symbol.iterator] === 'function'
}

function wrapped(body) {
  return body[STREAMED] ? body : { items: body, headers: {}, encode: (piece) => piece, last: () => null }
}

// The rest of Done. The answer begins with the first piece, so a step that throws before it is answered as ever.
export async function stream(attempt, { head, body }, runId) {
  const names = new Set(Object.keys(head.headers ?? {}).map((name) => name.toLowerCase()))
  const own = Object.entries(body.headers).filter(([name]) => !names.has(name))
  const { status, headers } = answerOf({ ...head, headers: { ...Object.fromEntries(own), ...head.headers } })
  const begin = () => attempt.ask('answer', `,"status":${status},"headers":${encode(headers)}`, stream)
  let hasBegun = false
  const iterator = attempt.interruptible(body.items)
  for await (const item of iterator) {
    const piece = bytesOf(body.encode(item))
    if (!hasBegun) await begin()
    hasBegun = true
    for (let at = 0; at < piece.length; at += CHUNK_BYTES) {
      await attempt.ask('chunk', `,"data_base64":"${piece.subarray(at, at + CHUNK_BYTES).toString('base64')}"`, stream)
    }
  }
  if (!hasBegun) await begin()
  const last = body.last(runId)
  if (last === null) return ',"answer":{"streamed":true}'
  return `,"answer":{"streamed":true,"last_base64":"${bytesOf(last).toString('base64')}"}`
}

function bytesOf(piece) {
  if (typeof piece === 'string') return Buffer.from(piece)
  if (ArrayBuffer.isView(piece)) return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
  if (piece instanceof ArrayBuffer) return Buffer.from(piece)
  throw new BadAnswer(`a streamed body is made of bytes and texts, not of ${String(piece)}; ndjson and sse take values`)
}
