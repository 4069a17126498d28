"""Rows as they should be: numbers as numbers, money in cents of a euro, and what cannot be read put aside with the reason."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wistro_types import CleanRows, CleanRowsMessage

# Per euro; a real one would ask a bank. Kept in hundredths so that nothing is lost to floating point.
RATES = {"EUR": 100, "USD": 108, "NOK": 1130, "JPY": 16200}

SALE = {
    "type": "object",
    "required": ["day", "shop", "sku", "quantity", "cents"],
    "properties": {
        "day": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
        "shop": {"type": "string"},
        "sku": {"type": "string"},
        "quantity": {"type": "integer", "minimum": 1},
        "cents": {"type": "integer", "minimum": 0},
    },
}

config = {
    "type": "event",
    "name": "Clean rows",
    "flows": ["sales"],
    "subscribes": ["rows.extracted"],
    "emits": [
        {
            "topic": "rows.cleaned",
            "schema": {
                "type": "object",
                "required": ["sales"],
                "properties": {"sales": {"type": "array", "items": SALE}},
            },
        }
    ],
    "concurrency": {"limit": 4},
}


def cleaned(row: Any) -> dict[str, Any]:
    """Raises ValueError with what is wrong."""
    if not re.fullmatch(r"-?\d{1,9}", row["quantity"]) or int(row["quantity"]) < 1:
        raise ValueError(f"quantity {row['quantity']}")
    if row["currency"] not in RATES:
        raise ValueError(f"currency {row['currency']}")
    quantity, price = int(row["quantity"]), hundredths(row["price"])
    cents = round(price * quantity * 100 / RATES[row["currency"]])
    return {
        "day": row["at"][:10],
        "shop": row["shop"],
        "sku": row["sku"],
        "quantity": quantity,
        "cents": cents,
    }


def hundredths(price: str) -> int:
    """`8.50`, `95`, and German `1.008,50`."""
    if re.fullmatch(r"\d{1,3}(\.\d{3})*,\d{2}", price):
        price = price.replace(".", "").replace(",", ".")
    if not (found := re.fullmatch(r"(\d{1,12})(?:\.(\d{1,2}))?", price)):
        raise ValueError(f"price {price}")
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))


def handler(batch: CleanRowsMessage, ctx: CleanRows):
    sales, wrong = [], []
    for row in batch["rows"]:
        try:
            sales.append(cleaned(row))
        except ValueError as error:
            wrong.append({"row": dict(row), "why": str(error)})
    for one in wrong:
        ctx.state.update("wrong", batch["source"], {"append": one})
    if wrong:
        ctx.logger.warn("rows put aside", {"batch": batch["number"], "count": len(wrong)})
    if sales:
        ctx.emit({"topic": "rows.cleaned", "data": {"sales": sales}})
