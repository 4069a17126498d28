"""An endpoint: POST /greetings {"name": "Ada"} answers at once, and lets others do the rest."""

from dataclasses import dataclass


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


async def handler(req, ctx):
    await ctx.emit({"topic": "greeting.asked", "data": {"name": req.body["name"]}})
    ctx.logger.info("greeting asked", {"name": req.body["name"]})
    return {"status": 202, "body": {"id": ctx.run_id}}
