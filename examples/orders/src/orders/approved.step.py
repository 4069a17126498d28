"""An approved order is placed like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from src.orders.messages import Approval, Placed

if TYPE_CHECKING:
    from wistro_types import PlaceApprovedOrder, PlaceApprovedOrderMessage

config = {
    "type": "event",
    "name": "Place approved order",
    "flows": ["orders"],
    "subscribes": ["order.approved"],
    "input": Approval,
    "emits": [{"topic": "order.placed", "schema": Placed}],
}


async def handler(approval: PlaceApprovedOrderMessage, ctx: PlaceApprovedOrder):
    order = await ctx.state.get("orders", ctx.run_id)
    await ctx.state.update(
        "orders", ctx.run_id, {"merge": {"status": "placed", "note": approval.get("note", "")}}
    )
    await ctx.emit(
        {"topic": "order.placed", "data": {"order": ctx.run_id, "cents": order["cents"]}}
    )
