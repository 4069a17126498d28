"""The steps that the guides show are a project that compiles."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.place import CHECKOUT

BLOCK = re.compile(r"```(python|ts|js|yaml)\n(.*?)```", re.DOTALL)
NAMED = re.compile(r"(?:// @ts-check\n)?(?:#|//) (src/\S+)\n")
REPORTS = """
config = {"type": "event", "name": "Send report", "flows": ["reports"], "subscribes": ["report.due"], "emits": []}

def handler(message, ctx):
    pass
"""


@pytest.mark.timeout(240)
def test_the_steps_of_the_guides_compile(tmp_path: Path) -> None:
    for guide in ("write-a-step", "cron"):
        text = (CHECKOUT / "docs" / "guides" / f"{guide}.md").read_text(encoding="utf-8")
        for language, block in BLOCK.findall(text):
            named = NAMED.match(block)
            usual = "wistro.yml" if language == "yaml" else f"src/{guide}.step.py"
            target = tmp_path / (named[1] if named else usual)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block, encoding="utf-8")
    (tmp_path / "src" / "send.step.py").write_text(REPORTS)  # what the schedule's event is for

    said = subprocess.run(
        [sys.executable, "-m", "wistro.cli", "lock", str(tmp_path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=180,
    )

    assert said.returncode == 0, said.stdout + said.stderr
    assert "4 steps" in said.stdout + said.stderr


@pytest.mark.timeout(240)
def test_the_steps_of_the_guides_on_http_compile_together(tmp_path: Path) -> None:
    for guide in ("bodies-and-files", "large-payloads", "streamed-answers", "middleware"):
        text = (CHECKOUT / "docs" / "guides" / f"{guide}.md").read_text(encoding="utf-8")
        for _, block in BLOCK.findall(text):
            if named := NAMED.match(block):
                target = tmp_path / named[1]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(block, encoding="utf-8")

    said = subprocess.run(
        [sys.executable, "-m", "wistro.cli", "lock", str(tmp_path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=180,
    )

    assert said.returncode == 0, said.stdout + said.stderr
    assert "7 steps" in said.stdout + said.stderr
