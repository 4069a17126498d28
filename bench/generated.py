"""A project of so many Python steps: those of bench/projects/python, one whose messages wait, and a chain that rests."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.systems import HERE

WAITING = "src/rest/step0"  # the id of the step whose messages wait
LEAST = 4
FIRST = """config = {
    "type": "api",
    "name": "rest",
    "method": "POST",
    "path": "/rest",
    "public": True,
    "emits": ["rest.0"],
}


async def handler(req, ctx):
    await ctx.emit({"topic": "rest.0", "data": req.body, "delay": "1d"})
"""
NEXT = """config = {{
    "type": "event",
    "name": "rest {n}",
    "subscribes": ["rest.{n}"],
    "emits": ["rest.{next}"],
    "input": {{"type": "object", "required": ["id"], "properties": {{"id": {{"type": "string"}}}}}},
}}


async def handler(message, ctx):
    await ctx.emit({{"topic": "rest.{next}", "data": message}})
"""


def write(folder: Path, steps: int) -> None:
    assert steps >= LEAST
    shutil.copytree(HERE / "projects" / "python", folder)
    rest = folder / "src" / "rest"
    rest.mkdir()
    (rest / "first.step.py").write_text(FIRST)
    for number in range(steps - 3):
        (rest / f"step{number}.step.py").write_text(NEXT.format(n=number, next=number + 1))
