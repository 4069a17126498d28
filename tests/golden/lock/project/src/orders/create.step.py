from dataclasses import dataclass

from lib.kinds import KINDS


@dataclass
class Order:
    sku: str
    quantity: int
    kind: str = KINDS[0]


config = {
    "type": "api",
    "name": "Create order",
    "description": "Takes an order",
    "flows": ["orders"],
    "method": "POST",
    "path": "/orders/:shop",
    "auth": [
        {"type": "api_key", "keys": ["$CURRENCY"], "header": "x-api-key"},
        {"type": "hmac", "preset": "github", "secret": "$STOCK_SECRET"},
    ],
    "bodySchema": Order,
    "responseSchema": {202: {"type": "object", "properties": {"id": {"type": "string"}}}},
    "emits": [{"topic": "order.created", "schema": Order}],
}


async def handler(req, ctx): ...
