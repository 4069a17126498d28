"""An endpoint: POST /greetings {"name": "Ada"} answers at once, and lets others do the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if (
    TYPE_CHECKING
):  # written by `wistro lock` and `wistro dev`; `wistro check` holds the step to them
    from wistro_types import Greet, GreetRequest


@dataclass
class Greeting:
    name: str


config = {
    "type": "api",
    "name": "Greet",
    "description": "Takes a name and answers with the run's id",
    "flows": ["greetings"],
    "method": "POST",
    "path": "/greetings",
    "public": True,
    "bodySchema": Greeting,
    "emits": [{"topic": "greeting.asked", "schema": Greeting}],
}


async def handler(req: GreetRequest, ctx: Greet):
    await ctx.emit({"topic": "greeting.asked", "data": {"name": req.body["name"]}})
    ctx.logger.info("greeting asked", {"name": req.body["name"]})
    return {"status": 202, "body": {"id": ctx.run_id}}
