// What emit takes, as the rest of an Emit frame: topic and data, and when and how often it is delivered.
import { encode } from './values.mjs'

const TAKES = 'topic, data, delay, at, key, id and now'
const LONGEST_TEXT = 200 // of a key or an id
const LONGEST_DELAY_S = 365 * 86400
const UNITS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 }
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:Z|z|[+-]\d{2}:\d{2})$/

export function emitRest(event) {
  if (event === null || typeof event !== 'object' || typeof event.topic !== 'string') {
    throw new TypeError("emit takes { topic: 'order.created', data }")
  }
  let hasOptions = false
  for (const name in event) hasOptions ||= name !== 'topic' && name !== 'data'
  const data = encode(event.data === undefined ? null : event.data)
  return `,"topic":${encode(event.topic)},"data":${data}${hasOptions ? options(event) : ''}`
}

function options(event) {
  const { topic: _, data: __, messageGroupId, ...rest } = event
  if (given(messageGroupId)) rest.key ??= messageGroupId // Motia's word for it
  const { delay, at, key, id, now, ...unknown } = rest
  for (const name in unknown) throw new TypeError(`emit does not know \`${name}\`; it takes ${TAKES}`)
  if (given(delay) && given(at)) throw new TypeError('emit takes `delay` or `at`, not both')
  if (given(now) && typeof now !== 'boolean') {
    throw new TypeError(`emit's \`now\` is true or false, not ${String(now)}`)
  }
  if (now === true && (given(delay) || given(at))) {
    throw new TypeError("emit's `now` leaves at once: it takes no `delay` or `at`")
  }
  return (
    (given(delay) ? `,"delay_s":${seconds(delay)}` : '') +
    (given(at) ? `,"at_us":${instant(at)}` : '') +
    (given(key) ? `,"key":${text('key', key)}` : '') +
    (given(id) ? `,"id":${text('id', id)}` : '') +
    (now === true ? ',"now":true' : '')
  )
}

const given = (value) => value !== undefined && value !== null

function seconds(delay) {
  let found = typeof delay === 'number' ? delay : Number.NaN
  if (typeof delay === 'string' && DURATION.test(delay)) {
    found = 0
    for (const [, number, unit] of delay.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) found += Number(number) * UNITS[unit]
  }
  if (!(found >= 0 && found <= LONGEST_DELAY_S)) {
    throw new TypeError(`emit's \`delay\` is like '30s' or a number of seconds, at most 365 days, not ${String(delay)}`)
  }
  return found
}

function instant(at) {
  let ms = Number.NaN
  if (at instanceof Date) ms = at.getTime()
  else if (typeof at === 'string' && INSTANT.test(at)) ms = Date.parse(at)
  if (!Number.isFinite(ms)) {
    throw new TypeError(`emit's \`at\` is a time with its zone, such as '2030-01-02T03:04:05Z', not ${String(at)}`)
  }
  return Math.round(ms) * 1000
}

function text(name, value) {
  if (typeof value !== 'string' || value.length === 0 || value.length > LONGEST_TEXT) {
    throw new TypeError(`emit's \`${name}\` is a text of 1 to ${LONGEST_TEXT} characters, not ${String(value)}`)
  }
  return encode(value)
}
