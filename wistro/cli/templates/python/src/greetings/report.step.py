"""A cron step: says each hour how many greetings there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wistro_types import HourlyReport

config = {
    "type": "cron",
    "name": "Hourly report",
    "flows": ["greetings"],
    "cron": "0 * * * *",
    "emits": [],
}


async def handler(ctx: HourlyReport):
    total = await ctx.state.get("totals", "greetings") or 0
    ctx.logger.info("greetings so far", {"total": total})
