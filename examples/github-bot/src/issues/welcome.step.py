"""Greet somebody who opens their first issue here. One after the other for each author, so that two at once are one greeting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from src.lib.github import GitHub

if TYPE_CHECKING:
    from wistro_types import Welcome, WelcomeMessage

config = {
    "type": "event",
    "name": "Welcome",
    "flows": ["issues"],
    "subscribes": ["issue.labelled"],
    "fifo": {"key": "author"},
}


def handler(issue: WelcomeMessage, ctx: Welcome):
    if ctx.state.get("greeted", issue["author"]):
        return
    labels = ", ".join(issue["labels"]) or "none yet"
    path = f"/repos/{issue['repository']}/issues/{issue['number']}/comments"
    # The mark lets GitHub's own readers, and us, see which delivery wrote it.
    text = f"Welcome, @{issue['author']}! Labels: {labels}.\n<!-- {ctx.idempotency_key} -->"
    GitHub(ctx.env).post(path, {"body": text})
    ctx.state.set("greeted", issue["author"], ctx.now.isoformat())
