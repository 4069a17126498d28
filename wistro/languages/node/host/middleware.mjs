// `middleware: [first, second]` of an endpoint's config: each is called with (req, ctx, next), around the handler.

class NextTwice extends Error {
  name = 'NextTwice'
}

// The answer that the outermost gives. A middleware that does not call `next` answers in the handler's place.
export function through(middleware, request, context, handler) {
  const run = async (index) => {
    if (index === middleware.length) return handler(request, context)
    let hasCalled = false
    return middleware[index](request, context, async () => {
      if (hasCalled) throw new NextTwice('a middleware calls `next` once')
      hasCalled = true
      return run(index + 1)
    })
  }
  return run(0)
}
