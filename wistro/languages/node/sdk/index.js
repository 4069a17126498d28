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
