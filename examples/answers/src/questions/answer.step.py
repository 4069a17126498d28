"""Ask the model. At most two at once and 30 a minute, whatever waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from src.lib import models

if TYPE_CHECKING:
    from wistro_types import AskTheModel, AskTheModelMessage

config = {
    "type": "event",
    "name": "Ask the model",
    "flows": ["questions"],
    "subscribes": ["context.found"],
    "emits": [
        {
            "topic": "answer.drafted",
            "schema": {
                "type": "object",
                "required": ["answer", "documents"],
                "properties": {
                    "answer": {"type": "string"},
                    "documents": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    ],
    "timeout": "90s",
    "concurrency": {"limit": 2},
    "rateLimit": {"limit": 30, "per": "1m"},
    "retries": {"max": 6, "initial": "2s"},
}


def handler(found: AskTheModelMessage, ctx: AskTheModel):
    passages = [models.Passage(one["document"], one["text"]) for one in found["passages"]]
    text = models.answer(found["question"], passages, ctx.env)
    ctx.emit(
        {
            "topic": "answer.drafted",
            "data": {"answer": text, "documents": [one.document for one in passages]},
        }
    )
