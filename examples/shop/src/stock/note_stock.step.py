"""Remember what the warehouse says is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wistro_types import NoteStock, NoteStockMessage

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


async def handler(change: NoteStockMessage, ctx: NoteStock):
    await ctx.state.set("stock", change["sku"], change["left"])
    if change["left"] < 5:
        await ctx.emit({"topic": "stock.low", "data": {"sku": change["sku"]}})
