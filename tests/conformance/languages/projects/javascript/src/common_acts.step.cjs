// The same acts in CommonJS, by a handler that is not an async function.
exports.config = { type: 'noop', name: 'Common acts' }

const own = {
  throw: (message) => {
    throw new Error(message) // THROWS HERE
  },
}

exports.handler = (given, ctx) => import('./acts.mjs').then(({ act }) => act(given, ctx, own))
