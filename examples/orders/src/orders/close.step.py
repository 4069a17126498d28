"""The end of an order that is not to be sent, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wistro_types import CloseOrder, CloseOrderMessage

config = {
    "type": "event",
    "name": "Close order",
    "flows": ["orders"],
    "subscribes": ["order.rejected", "payment.declined"],
    "input": {
        "type": "object",
        "required": ["reason"],
        "properties": {"reason": {"type": "string"}},
    },
}


async def handler(message: CloseOrderMessage, ctx: CloseOrder):
    status = "rejected" if ctx.topic == "order.rejected" else "declined"
    await ctx.state.update(
        "orders", ctx.run_id, {"merge": {"status": status, "reason": message["reason"]}}
    )
    ctx.logger.info("order closed", {"order": ctx.run_id, "status": status})
