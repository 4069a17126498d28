"""A question comes in; its answer is fetched by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wistro_types import Ask, AskRequest

QUESTION = {
    "type": "object",
    "required": ["question"],
    "properties": {"question": {"type": "string", "minLength": 1, "maxLength": 2000}},
}

config = {
    "type": "api",
    "name": "Ask",
    "flows": ["questions"],
    "method": "POST",
    "path": "/questions",
    "public": True,
    "bodySchema": QUESTION,
    "emits": [{"topic": "question.asked", "schema": QUESTION}],
}


async def handler(req: AskRequest, ctx: Ask):
    question = req.body["question"]
    await ctx.state.set("questions", ctx.run_id, {"question": question, "status": "asked"})
    await ctx.emit({"topic": "question.asked", "data": {"question": question}})
    return {"status": 202, "body": {"id": ctx.run_id}}
