// Frames over the inherited socket: a 4-byte length, then JSON. A turn's frames leave in one write.
import { Socket } from 'node:net'

export const MAX_FRAME_BYTES = 16 * 1024 * 1024
const HIGH_WATER_BYTES = 8 * 1024 * 1024 // log lines beyond it are dropped and counted

export class FrameTooLarge extends Error {
  name = 'FrameTooLarge'
}

export class Channel {
  #socket
  #onFrame
  #held = null
  #out = []
  #outBytes = 0
  #isFlushDue = false
  #flush = () => this.flush()

  // The process ends when the engine closes its end.
  constructor(fd, onFrame) {
    this.#onFrame = onFrame
    this.#socket = new Socket({ fd, readable: true, writable: true })
    this.#socket.on('data', (data) => this.#read(data))
    this.#socket.on('end', () => process.exit(1))
    this.#socket.on('error', () => process.exit(1))
  }

  get isCrowded() {
    return this.#socket.writableLength > HIGH_WATER_BYTES
  }

  // `text` is the frame's JSON. Throws FrameTooLarge.
  send(text) {
    const bytes = Buffer.byteLength(text)
    if (bytes > MAX_FRAME_BYTES) {
      throw new FrameTooLarge(`${bytes} bytes; at most ${MAX_FRAME_BYTES} fit`)
    }
    this.#out.push(text, bytes)
    this.#outBytes += bytes + 4
    if (!this.#isFlushDue) {
      this.#isFlushDue = true
      process.nextTick(this.#flush)
    }
  }

  flush() {
    this.#isFlushDue = false
    if (this.#outBytes === 0) return
    const buffer = Buffer.allocUnsafe(this.#outBytes)
    const out = this.#out
    let at = 0
    for (let index = 0; index < out.length; index += 2) {
      const bytes = out[index + 1]
      buffer.writeUInt32BE(bytes, at)
      buffer.utf8Write(out[index], at + 4, bytes)
      at += bytes + 4
    }
    this.#out = []
    this.#outBytes = 0
    this.#socket.write(buffer)
  }

  #read(data) {
    let buffer = data
    if (this.#held !== null) {
      this.#held.push(data)
      this.#held.bytes += data.length
      if (this.#held.bytes < this.#held.needed) return
      buffer = Buffer.concat(this.#held)
      this.#held = null
    }
    let at = 0
    let needed = 4
    while (buffer.length - at >= 4) {
      const stop = at + 4 + buffer.readUInt32BE(at)
      if (stop > buffer.length) {
        needed = stop - at
        break
      }
      this.#onFrame(JSON.parse(buffer.utf8Slice(at + 4, stop)))
      at = stop
    }
    if (at < buffer.length) {
      const rest = buffer.subarray(at)
      this.#held = Object.assign([rest], { bytes: rest.length, needed })
    }
  }

  unref() {
    this.#socket.unref()
  }
}
