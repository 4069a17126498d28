// What a handler threw, as a Failed frame: its name, its message, and the user's own lines of the stack.
import { encodeLoosely } from './values.mjs'

const MAX_TEXT = 64 * 1024
const brands = { NonRetriable: Symbol.for('wistro.NonRetriable'), RetryAfter: Symbol.for('wistro.RetryAfter'), NotYet: Symbol.for('wistro.NotYet') }

export function failedRest(thrown, root) {
  const error = asError(thrown)
  const never = error[brands.NonRetriable] || error[brands.NotYet]
  const after = error[brands.RetryAfter] && Number.isFinite(error.seconds) ? error.seconds : null
  return (
    `,"type":${encodeLoosely(nameOf(error))},"message":${encodeLoosely(messageOf(error).slice(0, MAX_TEXT))}` +
    `,"stack":${encodeLoosely(stackOf(error, root).slice(0, MAX_TEXT))},"retry":"${never ? 'never' : 'yes'}"` +
    (after === null ? '' : `,"retry_after_s":${after}`)
  )
}

function asError(thrown) {
  if (thrown !== null && (typeof thrown === 'object' || typeof thrown === 'function')) return thrown
  return { name: 'Error', message: String(thrown), stack: '' } // throw 'text'
}

function nameOf(error) {
  const name = error.name ?? error.constructor?.name
  return typeof name === 'string' && name !== '' ? name : 'Error'
}

function messageOf(error) {
  try {
    return typeof error.message === 'string' ? error.message : String(error)
  } catch {
    return '(its message could not be read)'
  }
}

// Innermost last, as in every language; paths relative to the project; what caused it comes before.
export function stackOf(error, root) {
  const parts = []
  for (let link = error; link && typeof link === 'object' && parts.length < 10; link = link.cause) {
    const lines = ownLines(typeof link.stack === 'string' ? link.stack : '', root)
    if (link !== error) lines.push(`${nameOf(link)}: ${messageOf(link).slice(0, 2000)}`)
    parts.unshift(lines.join('\n'))
  }
  return parts.filter((part) => part !== '').join('\n')
}

function ownLines(stack, root) {
  const prefix = root.endsWith('/') ? root : `${root}/`
  const lines = stack.split('\n').map((line) => line.replaceAll('file://', ''))
  const own = lines.filter(
    (line) =>
      line.includes(prefix) && /:\d+/.test(line) && !line.includes('/node_modules/') && !/\/\.wistro\/(?!build\/)/.test(line),
  )
  return own.slice(0, 50).map((line) => line.replaceAll(prefix, '').replace(/^\s*->\s*/, '')).reverse()
}
