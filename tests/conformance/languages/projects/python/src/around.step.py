"""Middleware around a handler: the order, what it may do, and what it may not."""


async def outer(req, ctx, next):
    ctx.logger.info("outer in")
    answer = await next()
    ctx.logger.info("outer out")
    return {**answer, "headers": {"x-outer": "1"}}


def inner(req, ctx, next):
    if req.headers.get("x-refuse"):
        return {"status": 401}
    req["user"] = "ada"
    return next()


async def twice(req, ctx, next):
    if req.headers.get("x-twice"):
        await next()
    return await next()


config = {"type": "noop", "name": "Around", "middleware": [outer, inner, twice]}


def handler(req, ctx):
    ctx.logger.info("handler")
    return {"status": 200, "body": {"user": req.user, "also": req["user"], "path": req.path}}
