import { act } from './acts.mjs'

export const config = { type: 'noop', name: 'Acts' }

const own = {
  throw: (message) => {
    throw new Error(message) // THROWS HERE
  },
}

export const handler = async (given, ctx) => act(given, ctx, own)
