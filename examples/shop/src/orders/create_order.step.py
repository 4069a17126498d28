"""Take an order from the shop's front end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from wistro_types import CreateOrder, CreateOrderRequest


class Order(BaseModel):
    sku: str = Field(min_length=1)
    quantity: int = Field(ge=1, le=100)


class OrderCreated(BaseModel):
    id: str
    sku: str
    quantity: int


config = {
    "type": "api",
    "name": "Create order",
    "description": "Takes an order and answers with its id",
    "flows": ["orders"],
    "method": "POST",
    "path": "/orders",
    "public": True,
    "bodySchema": Order,
    "responseSchema": {202: {"type": "object", "properties": {"id": {"type": "string"}}}},
    "emits": [{"topic": "order.created", "schema": OrderCreated}],
}


async def handler(req: CreateOrderRequest, ctx: CreateOrder):
    id, sku, quantity = ctx.run_id, req.body["sku"], req.body["quantity"]
    await ctx.state.set(
        "orders", id, {"id": id, "sku": sku, "quantity": quantity, "status": "created"}
    )
    await ctx.emit({"topic": "order.created", "data": {"id": id, "sku": sku, "quantity": quantity}})
    ctx.logger.info("order taken", {"sku": sku, "quantity": quantity})
    return {"status": 202, "body": {"id": id}}
