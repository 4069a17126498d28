"""The parcel leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from src.orders.messages import Paid

if TYPE_CHECKING:
    from wistro_types import SendParcel, SendParcelMessage

config = {
    "type": "event",
    "name": "Send parcel",
    "flows": ["orders"],
    "subscribes": ["payment.done"],
    "input": Paid,
}


async def handler(paid: SendParcelMessage, ctx: SendParcel):
    await ctx.state.update("orders", paid["order"], {"merge": {"status": "sent"}})
    await ctx.state.update("totals", "sent", {"increment": 1})
    ctx.logger.info("parcel sent", {"order": paid["order"]})
