"""A task at `wistro start`: asked by its link, answered once, also when the engine is killed on the way."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.integration.wistro.start.test_start import locked

SETTINGS = "api: [{path: /orders, method: POST, emits: order.large, public: true}]\n"
APPROVE = """
config = {
    "type": "noop", "name": "Manager approves", "subscribes": ["order.large"],
    "task": {"answers": {
        "approve": {"emits": "order.approved", "form": {"type": "object", "required": ["note"], "properties": {"note": {"type": "string"}}}},
    }},
}
"""
AFTER = """
config = {"type": "event", "name": "After", "subscribes": ["order.approved"], "emits": []}

async def handler(message, ctx):
    ctx.logger.info("approved", message)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "approve.step.py").write_text(APPROVE)
    (tmp_path / "src" / "after.step.py").write_text(AFTER)
    (tmp_path / "wistro.yml").write_text(SETTINGS)
    return locked(tmp_path)


def rows(project: Path, sql: str) -> list[Any]:
    db = sqlite3.connect(project / ".wistro" / "store.db")
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()
