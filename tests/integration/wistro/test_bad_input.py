"""Bad input at the command's door: `wistro lock` as a process says a code, a place and what to do, and exits 1."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

TAKE = """config = {"type": "api", "name": "Take", "method": "POST", "path": "/take", "public": True,
          "emits": [{"topic": "taken", "schema": {"type": "object", "required": ["quantity"],
                                                  "properties": {"quantity": {"type": "integer"}}}}]}
async def handler(req, ctx): ...
"""
HEAR = """config = {"type": "event", "name": "Hear", "subscribes": ["taken"], "emits": []}
def handler(message, ctx): ...
"""


@dataclass(frozen=True)
class Mistake:
    code: str
    says: str
    where: str
    hint: str
    take: str = TAKE
    hear: str = HEAR
    yml: str = ""


MISTAKES = {
    "wrong step config": Mistake(
        "lock.config",
        "`type` is `evnt`",
        "src/hear.step.py:1",
        "did you mean `event`?",
        hear=HEAR.replace('"event"', '"evnt"'),
    ),
    "unknown topic": Mistake(
        "lock.unknown-topic",
        "subscribes to `take`, which nothing emits",
        "src/hear.step.py:1",
        "did you mean `taken`?",
        hear=HEAR.replace('"taken"', '"take"'),
    ),
    "schema mismatch": Mistake(
        "lock.does-not-fit",
        "quantity",
        "src/take.step.py:2",
        'For example {"quantity": 0}',
        hear=HEAR.replace(
            '"emits"',
            '"input": {"type": "object", "properties": {"quantity": {"type": "string"}}}, "emits"',
        ),
    ),
    "broken wistro.yml": Mistake(
        "yaml.unreadable",
        "wistro.yml is not YAML",
        "wistro.yml:2",
        "Look at the indentation",
        yml="name: shop\n  flows: [\n",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_it_is_said_with_code_place_and_hint_and_no_traceback(tmp_path: Path, mistake: Mistake):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "take.step.py").write_text(mistake.take)
    (tmp_path / "src" / "hear.step.py").write_text(mistake.hear)
    if mistake.yml:
        (tmp_path / "wistro.yml").write_text(mistake.yml)

    done = subprocess.run(
        [sys.executable, "-m", "wistro.cli", "lock"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert "error:" in done.stderr and mistake.says in done.stderr
    assert f"--> {mistake.where}" in done.stderr
    assert mistake.code in done.stderr and mistake.hint in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "wistro.yml.lock").exists()
