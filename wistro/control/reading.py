"""What is read of a project's runs, lines and graph; the local screens and the control socket answer alike."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from wistro.errors import UserError
from wistro.lock.model import Lock
from wistro.lock.picture import graph
from wistro.protocol.operating import ProblemView
from wistro.protocol.reading import Graph, LinePage, RunPage
from wistro.records.local_reads import LocalReads, UnknownRun

KNOWN = ("runs", "lines", "graph")
MOST = 1_000


class BadNumber(UserError):
    """A query parameter that is no number."""

    code = "local.number"


async def read(
    what: str, query: Mapping[str, str], reads: LocalReads | None, lock: Lock | None
) -> Any:
    """`runs`, `runs/<run>`, `lines` or `graph`. Without `reads`, nothing was ever recorded."""
    kind, _, id = what.partition("/")
    if kind == "graph":
        return graph(lock) if lock else Graph([], [], [])
    if kind == "runs" and id:
        if reads is None:
            raise UnknownRun(f"no run `{unquote(id)}` is kept")
        return await asyncio.to_thread(reads.run, unquote(id))
    if kind == "runs":
        if reads is None:
            return RunPage([], None)
        asked = _only(query, "status", "step", "flow", "text", "before")
        return await asyncio.to_thread(reads.runs, **asked, limit=limit(query, 50))
    if reads is None:
        return LinePage([], [], "", False)
    asked = _only(query, "run", "step", "level", "text", "before")
    if "after" in query:
        asked["after"] = query["after"]
    return await asyncio.to_thread(reads.lines, **asked, limit=limit(query, 200))


def problem_view(error: UserError) -> ProblemView:
    return ProblemView(error.code, error.message, error.where, error.hint)


def limit(query: Mapping[str, str], default: int) -> int:
    text = query.get("limit", str(default))
    if not text.isascii() or not text.isdigit():
        raise BadNumber(f"`limit` is no number: {text}")
    return max(1, min(int(text[:9]), MOST))


def _only(query: Mapping[str, str], *names: str) -> dict[str, Any]:
    return {name: query[name] for name in names if query.get(name)}
