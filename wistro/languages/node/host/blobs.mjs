// ctx.blobs: bytes that travel beside the messages.
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { encode } from './values.mjs'

const CHUNK_BYTES = 1024 * 1024 // wistro/protocol/frames.py, BlobPut

// Every function takes a reference as it stands in a message, or its `blob` alone.
export function blobsOf(attempt) {
  let last = 0
  const send = (upload, chunk, isLast, caller) =>
    attempt.ask('blob_put', `,"upload":${upload},"data_base64":"${chunk.toString('base64')}"${isLast ? ',"last":true' : ''}`, caller)
  const pathOf = async (blob, caller) => {
    const id = typeof blob === 'object' && blob !== null ? blob.blob : blob
    if (typeof id !== 'string') throw new TypeError(`a blob is named by its reference, not by ${String(blob)}`)
    return (await attempt.ask('blob_get', `,"blob":${encode(id)}`, caller)).path
  }
  return {
    put: async function put(content, { type, name } = {}) {
      const upload = ++last
      for await (const chunk of chunksOf(content)) await send(upload, chunk, false, put)
      const reference = await send(upload, Buffer.alloc(0), true, put)
      if (type) reference.type = type
      if (name) reference.name = name
      return reference
    },
    get: async function get(blob) {
      return readFile(await pathOf(blob, get))
    },
    open: async function open(blob) {
      return createReadStream(await pathOf(blob, open))
    },
    path: function path(blob) {
      return pathOf(blob, path)
    },
  }
}

// Pieces of at most CHUNK_BYTES; small ones are gathered.
async function* chunksOf(content) {
  let held = []
  let heldBytes = 0
  for await (const piece of piecesOf(content)) {
    held.push(piece)
    heldBytes += piece.length
    if (heldBytes < CHUNK_BYTES) continue
    const all = held.length === 1 ? piece : Buffer.concat(held)
    const whole = all.length - (all.length % CHUNK_BYTES)
    for (let at = 0; at < whole; at += CHUNK_BYTES) yield all.subarray(at, at + CHUNK_BYTES)
    held = [all.subarray(whole)]
    heldBytes = all.length - whole
  }
  if (heldBytes > 0) yield Buffer.concat(held)
}

async function* piecesOf(content) {
  if (content instanceof Blob) yield* piecesOf(content.stream())
  else if (ArrayBuffer.isView(content) || content instanceof ArrayBuffer) yield bufferOf(content)
  else if (typeof content !== 'string' && (content?.[Symbol.asyncIterator] || content?.[Symbol.iterator])) {
    for await (const piece of content) yield bufferOf(piece)
  } else throw new TypeError(`a blob is bytes, a stream or an iterable of bytes, not ${typeof content === 'string' ? 'a text: encode it first' : String(content)}`)
}

function bufferOf(piece) {
  if (ArrayBuffer.isView(piece)) return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
  if (piece instanceof ArrayBuffer) return Buffer.from(piece)
  throw new TypeError(`a blob is made of bytes, not of ${String(piece)}`)
}
