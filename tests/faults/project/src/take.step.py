"""The call that is acknowledged: one effect in state, one emit, and some milliseconds of work."""

import asyncio

from outside import begun

config = {
    "type": "api",
    "name": "Take",
    "flows": ["faults"],
    "method": "POST",
    "path": "/calls",
    "public": True,
    "bodySchema": {
        "type": "object",
        "required": ["key"],
        "properties": {"key": {"type": "string"}},
    },
    "emits": ["taken"],
}


async def handler(req, ctx):
    key = req.body["key"]
    begun("take", key)
    await ctx.state.update("taken", key, {"increment": 1})
    await asyncio.sleep(0.01)
    await ctx.emit({"topic": "taken", "data": {"key": key}})
    return {"status": 202, "body": {"id": ctx.run_id}}
