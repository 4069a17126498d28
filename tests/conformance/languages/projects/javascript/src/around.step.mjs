// Middleware around a handler: the order, what it may do, and what it may not.
const outer = async (req, { logger }, next) => {
  logger.info('outer in')
  const answer = await next()
  logger.info('outer out')
  return { ...answer, headers: { 'x-outer': '1' } }
}

const inner = (req, ctx, next) => {
  if (req.headers['x-refuse']) return { status: 401 }
  req.user = 'ada'
  return next()
}

const twice = async (req, ctx, next) => {
  if (req.headers['x-twice']) await next()
  return next()
}

export const config = { type: 'noop', name: 'Around', middleware: [outer, inner, twice] }

export const handler = (req, { logger }) => {
  logger.info('handler')
  return { status: 200, body: { user: req.user, also: req.user, path: req.path } }
}
