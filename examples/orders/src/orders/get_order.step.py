"""What became of an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wistro_types import GetOrder, GetOrderRequest

config = {
    "type": "api",
    "name": "Get order",
    "flows": ["orders"],
    "method": "GET",
    "path": "/orders/:id",
    "public": True,
}


async def handler(req: GetOrderRequest, ctx: GetOrder):
    order = await ctx.state.get("orders", req.path_params["id"])
    if order is None:
        return {"status": 404, "body": {"error": "there is no such order"}}
    return {"status": 200, "body": order}
