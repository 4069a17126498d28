"""Label an issue by what it says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from src.lib.github import GitHub

if TYPE_CHECKING:
    from wistro_types import LabelIssue, LabelIssueMessage

WORDS = {
    "bug": r"\b(crash|error|broken|traceback|regression)\b",
    "question": r"\?\s*$|\bhow (do|can|to)\b",
    "documentation": r"\b(docs?|readme|typo)\b",
}

config = {
    "type": "event",
    "name": "Label issue",
    "flows": ["issues"],
    "subscribes": ["issue.opened"],
    "emits": [
        {
            "topic": "issue.labelled",
            "schema": {
                "type": "object",
                "required": ["repository", "number", "author", "labels"],
                "properties": {
                    "repository": {"type": "string"},
                    "number": {"type": "integer"},
                    "author": {"type": "string"},
                    "labels": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    ],
    "rateLimit": {"limit": 60, "per": "1m", "key": "repository"},
}


def labels_of(title: str, body: str) -> list[str]:
    text = f"{title}\n{body}"
    return sorted(name for name, words in WORDS.items() if re.search(words, text, re.I | re.M))


def handler(issue: LabelIssueMessage, ctx: LabelIssue):
    labels = labels_of(issue["title"], issue["body"])
    if labels:
        path = f"/repos/{issue['repository']}/issues/{issue['number']}/labels"
        GitHub(ctx.env).post(path, {"labels": labels})
    key = f"{issue['repository']}#{issue['number']}"
    ctx.state.set("open", key, {"author": issue["author"], "touched_at": ctx.now.isoformat()})
    ctx.emit(
        {
            "topic": "issue.labelled",
            "data": {
                "repository": issue["repository"],
                "number": issue["number"],
                "author": issue["author"],
                "labels": labels,
            },
        }
    )
