"""Remember what the warehouse says is left."""

config = {
    "type": "event",
    "name": "Note stock",
    "flows": ["stock"],
    "subscribes": ["stock.changed"],
    "emits": [{"topic": "stock.low", "conditional": True}],
    "input": {
        "type": "object",
        "required": ["sku", "left"],
        "properties": {"sku": {"type": "string"}, "left": {"type": "integer"}},
    },
}


async def handler(change, ctx):
    await ctx.state.set("stock", change["sku"], change["left"])
    if change["left"] < 5:
        await ctx.emit({"topic": "stock.low", "data": {"sku": change["sku"]}})
