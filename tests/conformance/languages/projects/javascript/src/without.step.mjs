export const config = { type: 'noop', name: 'Without a handler' }
