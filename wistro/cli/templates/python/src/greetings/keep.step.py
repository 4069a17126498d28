"""An event step: keeps each greeting, and counts them. Both writes count once, however often it is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wistro_types import KeepGreeting, KeepGreetingMessage

config = {
    "type": "event",
    "name": "Keep greeting",
    "flows": ["greetings"],
    "subscribes": ["greeting.asked"],
    "emits": [],
    "input": {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}},
    },
    "retries": {"max": 3},
}


async def handler(greeting: KeepGreetingMessage, ctx: KeepGreeting):
    text = f"Hello, {greeting['name']}!"
    await ctx.state.set("greetings", ctx.run_id, text)
    await ctx.state.update("totals", "greetings", {"increment": 1})
    ctx.logger.info("greeting kept", {"text": text})
