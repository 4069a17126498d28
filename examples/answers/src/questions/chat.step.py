"""The same, while one waits: the answer comes word by word."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from src.lib import models
from wistro_sdk import sse

if TYPE_CHECKING:
    from wistro_types import Chat, ChatRequest

config = {
    "type": "api",
    "name": "Chat",
    "flows": ["questions"],
    "method": "POST",
    "path": "/chat",
    "public": True,
    "bodySchema": {
        "type": "object",
        "required": ["question"],
        "properties": {"question": {"type": "string", "maxLength": 2000}},
    },
    "timeout": "2m",
}


def handler(req: ChatRequest, ctx: Chat):
    question = req.body["question"]
    passages = [
        models.Passage(path.name, path.read_text("utf-8"))
        for path in sorted(Path("documents").glob("*.md"))
        if set(question.lower().split()) & set(path.read_text("utf-8").lower().split())
    ]
    text = models.answer(question, passages, ctx.env)
    return sse({"event": "word", "data": word} for word in text.split())
