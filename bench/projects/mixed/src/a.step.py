"""Step a: take the POST, emit it."""

config = {
    "type": "api",
    "name": "a",
    "method": "POST",
    "path": "/a",
    "public": True,
    "bodySchema": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
    "emits": ["b"],
}


async def handler(req, ctx):
    await ctx.emit({"topic": "b", "data": req.body})
    return {"status": 200, "body": {}}
