// What an endpoint's handler returned, as {status, headers, body | body_base64}.

export class BadAnswer extends TypeError {
  name = 'BadAnswer'
}

// undefined and null are 204. Status is 200 unless named. Bytes go as base64.
export function answerOf(returned) {
  if (returned === undefined || returned === null) return { status: 204, headers: {} }
  if (typeof returned !== 'object' || Array.isArray(returned)) {
    throw new BadAnswer(`an endpoint returns { status: 200, body, headers }, not a ${Array.isArray(returned) ? 'list' : typeof returned}`)
  }
  for (const name of Object.keys(returned)) {
    if (!['status', 'body', 'headers'].includes(name)) {
      throw new BadAnswer(`an answer has status, body and headers, no \`${name}\``)
    }
  }
  const { status = 200, body, headers } = returned
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new BadAnswer(`status is a number from 200 to 599, not ${String(status)}`)
  }
  const answer = { status, headers: headersOf(headers ?? {}) }
  if (ArrayBuffer.isView(body)) {
    answer.body_base64 = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64')
  } else if (body instanceof ArrayBuffer) {
    answer.body_base64 = Buffer.from(body).toString('base64')
  } else if (body !== undefined) {
    answer.body = body
  }
  return answer
}

function headersOf(headers) {
  if (typeof headers !== 'object' || Array.isArray(headers)) {
    throw new BadAnswer(`headers is an object of names and texts, not ${String(headers)}`)
  }
  const result = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue
    if (typeof value !== 'string' && typeof value !== 'number') {
      throw new BadAnswer(`header ${name} is not a text: ${String(value)}`)
    }
    if (/[\r\n\0]/.test(`${name}${value}`)) throw new BadAnswer(`header ${name} has a line break in it`)
    result[name] = String(value)
  }
  return result
}
