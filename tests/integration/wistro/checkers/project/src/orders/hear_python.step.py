from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wistro_types import HearInPython, HearInPythonMessage

config = {"type": "event", "name": "Hear in Python", "subscribes": ["order.created"], "emits": []}


async def handler(order: HearInPythonMessage, ctx: HearInPython) -> None:
    ctx.logger.info(order["sku"], {"quantity": order["quantity"]})
    ctx.logger.info(order["sky"])  # wrong: field
    await ctx.emit({"topic": "order.noted", "data": {"note": "x"}})  # wrong: emits nothing
