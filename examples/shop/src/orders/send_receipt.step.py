"""Close the order once it is paid."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import humanize

if TYPE_CHECKING:
    from wistro_types import SendReceipt, SendReceiptMessage

config = {
    "type": "event",
    "name": "Send receipt",
    "flows": ["orders"],
    "subscribes": ["payment.done"],
    "emits": [],
    "input": {
        "type": "object",
        "required": ["order", "cents"],
        "properties": {"order": {"type": "string"}, "cents": {"type": "integer"}},
    },
}


def handler(payment: SendReceiptMessage, ctx: SendReceipt):
    order = ctx.state.get("orders", payment["order"])
    amount = f"{humanize.intcomma(payment['cents'] / 100, 2)} {os.environ['CURRENCY']}"
    ctx.state.set("orders", payment["order"], {**(order or {}), "status": "paid", "amount": amount})
    ctx.logger.info("receipt sent", {"order": payment["order"], "amount": amount})
