"""Take an order. Its id is its run's, so whatever follows in the run knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from src.orders.messages import Large, Order, Placed

if TYPE_CHECKING:
    from wistro_types import CreateOrder, CreateOrderRequest

config = {
    "type": "api",
    "name": "Create order",
    "flows": ["orders"],
    "method": "POST",
    "path": "/orders",
    "public": True,
    "bodySchema": Order,
    "emits": [
        {"topic": "order.placed", "schema": Placed, "conditional": True},
        {"topic": "order.large", "schema": Large, "conditional": True},
    ],
}


async def handler(req: CreateOrderRequest, ctx: CreateOrder):
    id, customer, items = ctx.run_id, req.body["customer"], req.body["items"]
    cents = sum(item["quantity"] * item["cents"] for item in items)
    is_large = cents >= int(ctx.env["APPROVE_FROM_CENTS"])
    status = "waits for approval" if is_large else "placed"
    await ctx.state.set(
        "orders",
        id,
        {"id": id, "customer": customer, "items": items, "cents": cents, "status": status},
    )
    if is_large:
        await ctx.emit(
            {"topic": "order.large", "data": {"order": id, "customer": customer, "cents": cents}}
        )
    else:
        await ctx.emit({"topic": "order.placed", "data": {"order": id, "cents": cents}})
    return {"status": 202, "body": {"id": id, "status": status}}
