"""A cron step: says each hour how many greetings there are."""

config = {
    "type": "cron",
    "name": "Hourly report",
    "flows": ["greetings"],
    "cron": "0 * * * *",
    "emits": [],
}


async def handler(ctx):
    total = await ctx.state.get("totals", "greetings") or 0
    ctx.logger.info("greetings so far", {"total": total})
