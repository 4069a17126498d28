export const config = { type: 'noop', name: 'Tick' }

export const handler = (ctx) => ctx.logger.info('tick', { attempt: ctx.attempt })
