"""A call whose message spoils its host's connection: what a broken or hostile host may send."""

config = {
    "type": "api",
    "name": "Spoil",
    "flows": ["spoiling"],
    "method": "POST",
    "path": "/spoil",
    "public": True,
    "bodySchema": {
        "type": "object",
        "required": ["key"],
        "properties": {"key": {"type": "string"}},
    },
    "emits": ["spoiled"],
}


async def handler(req, ctx):
    await ctx.emit({"topic": "spoiled", "data": {"key": req.body["key"]}})
    return {"status": 202, "body": {"id": ctx.run_id}}
