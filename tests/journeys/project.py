"""The project that the journeys push: an endpoint in Python, a step in TypeScript, one in Python again.

`files("one")` is the same program with another mark, which every step puts into what it emits and answers: a run
whose attempts carry two marks has mixed versions.
"""

from __future__ import annotations

KEY = "k-journey-7f3a"

TAKE = '''"""Take an order."""

import humanize

MARK = "{mark}"
config = {
    "type": "api",
    "name": "Take order",
    "flows": ["orders"],
    "method": "POST",
    "path": "/orders",
    "auth": {"type": "api_key", "keys": ["$ORDERS_KEY"], "header": "x-api-key"},
    "bodySchema": {
        "type": "object",
        "required": ["sku", "quantity"],
        "properties": {"sku": {"type": "string"}, "quantity": {"type": "integer", "minimum": 1}},
    },
    "emits": ["order.taken"],
}


async def handler(req, ctx):
    order = {"sku": req.body["sku"], "quantity": req.body["quantity"], "at": ctx.now.isoformat()}
    await ctx.state.set("orders", ctx.run_id, order)
    await ctx.emit({"topic": "order.taken", "data": {"id": ctx.run_id, "mark": MARK, **order}})
    ctx.logger.info("order taken", {"sku": order["sku"], "says": humanize.apnumber(order["quantity"])})
    return {"status": 202, "body": {"id": ctx.run_id, "mark": MARK}}
'''

PRICE = """// Price an order from the list of prices in state.
import type { EventConfig } from '@wistro/sdk';

const MARK = '{mark}';
export const config = {
  type: 'event',
  name: 'Price order',
  flows: ['orders'],
  subscribes: ['order.taken'],
  emits: ['order.priced'],
  input: {
    type: 'object',
    required: ['id', 'sku', 'quantity'],
    properties: { id: { type: 'string' }, sku: { type: 'string' }, quantity: { type: 'integer' } },
  },
} satisfies EventConfig;

export const handler = async (order, { emit, state }) => {
  const price = (await state.get('prices', order.sku)) ?? 250;
  const total = price * order.quantity;
  await state.set('totals', order.id, total);
  await emit({ topic: 'order.priced', data: { id: order.id, total, mark: MARK } });
};
"""

CLOSE = '''"""Close a priced order."""

MARK = "{mark}"
config = {
    "type": "event",
    "name": "Close order",
    "flows": ["orders"],
    "subscribes": ["order.priced"],
    "emits": [],
}


async def handler(priced, ctx):
    order = await ctx.state.get("orders", priced["id"])
    await ctx.state.set("orders", priced["id"], {**order, "total": priced["total"], "by": MARK})
    await ctx.state.update("count", "closed", {"increment": 1})
    ctx.logger.info(f"order closed {order['sku']}", {"total": priced["total"], "mark": MARK})
'''


def files(mark: str) -> dict[str, str]:
    """The whole program by path."""
    sources = {
        "src/orders/take.step.py": TAKE,
        "src/orders/price.step.ts": PRICE,
        "src/orders/close.step.py": CLOSE,
        "wistro.yml": "name: parcels\nenv: [ORDERS_KEY]\nflows: {orders: {name: Orders}}\n",
        "requirements.txt": "humanize==4.12.3\n",
        ".gitignore": ".wistro/\n",
    }
    return {path: text.replace("{mark}", mark) for path, text in sources.items()}


# Four programs that differ from the one that made the sample, and where replay finds the first difference of each.
CHANGED = {
    "a field": (
        "src/orders/price.step.ts",
        "price * order.quantity;",
        "price * order.quantity + 1;",
    ),
    "a missing emit": (
        "src/orders/price.step.ts",
        "  await emit({",
        "  if (total < 0) await emit({",
    ),
    "a state write": ("src/orders/close.step.py", '"total": priced["total"], "by"', '"by"'),
    "an exception": (
        "src/orders/close.step.py",
        '    await ctx.state.update("count"',
        '    raise ValueError("no")\n    await ctx.state.update("count"',
    ),
}
