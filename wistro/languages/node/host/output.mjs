// What a step prints while a call runs is that call's log line; the rest goes to the pipe.
import { AsyncLocalStorage } from 'node:async_hooks'

export const current = new AsyncLocalStorage() // the Attempt that runs here
const LEVELS = { stdout: 'info', stderr: 'warn' }
const MAX_LINE = 64 * 1024

export function attributeOutput() {
  for (const source of ['stdout', 'stderr']) {
    const stream = process[source]
    const real = stream.write.bind(stream)
    stream.write = (chunk, encoding, callback) => {
      const attempt = current.getStore()
      if (attempt === undefined || attempt.isOver) return real(chunk, encoding, callback)
      const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
      write(attempt, source, text)
      const done = typeof encoding === 'function' ? encoding : callback
      if (typeof done === 'function') process.nextTick(done)
      return true
    }
  }
}

function write(attempt, source, text) {
  const lines = ((attempt.partial[source] ?? '') + text).split('\n')
  let rest = lines.pop()
  for (const line of lines) attempt.log(LEVELS[source], line.replace(/\r$/, ''), undefined, source)
  if (rest.length > MAX_LINE) {
    attempt.log(LEVELS[source], rest, undefined, source)
    rest = ''
  }
  attempt.partial[source] = rest
}

export function writeRest(attempt) {
  for (const source of ['stdout', 'stderr']) {
    if (attempt.partial[source]) attempt.log(LEVELS[source], attempt.partial[source], undefined, source)
  }
}
