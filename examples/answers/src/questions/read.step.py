"""What became of a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wistro_types import ReadAnswer, ReadAnswerRequest

config = {
    "type": "api",
    "name": "Read answer",
    "flows": ["questions"],
    "method": "GET",
    "path": "/questions/:id",
    "public": True,
}


async def handler(req: ReadAnswerRequest, ctx: ReadAnswer):
    found = await ctx.state.get("questions", req.path_params["id"])
    return (
        {"status": 200, "body": found} if found else {"status": 404, "body": {"error": "unknown"}}
    )
