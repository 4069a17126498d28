"""The end of the run: the effect by which it counts as delivered."""

from outside import begun

config = {
    "type": "event",
    "name": "Finish",
    "flows": ["faults"],
    "subscribes": ["noted"],
    "emits": [],
    "input": {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}},
}


async def handler(message, ctx):
    begun("finish", message["key"])
    await ctx.state.update("finished", message["key"], {"increment": 1})
