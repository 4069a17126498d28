"""Take an order from the shop's front end."""

from pydantic import BaseModel, Field


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


async def handler(req, ctx):
    order = {"id": ctx.run_id, "sku": req.body["sku"], "quantity": req.body["quantity"]}
    await ctx.state.set("orders", order["id"], order | {"status": "created"})
    await ctx.emit({"topic": "order.created", "data": order})
    ctx.logger.info("order taken", {"sku": order["sku"], "quantity": order["quantity"]})
    return {"status": 202, "body": {"id": order["id"]}}
