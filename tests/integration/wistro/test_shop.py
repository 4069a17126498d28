"""The example, with its packages installed: its committed lock is what it compiles to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.place import CHECKOUT


@pytest.mark.timeout(300)
def test_the_shops_lock_is_what_it_compiles_to(tmp_path: Path) -> None:
    made = shutil.ignore_patterns("node_modules", ".venv", ".wistro", "__pycache__")
    shop = shutil.copytree(CHECKOUT / "examples" / "shop", tmp_path / "shop", ignore=made)

    for words in (["install"], ["lock", "--check"]):
        said = subprocess.run(
            [sys.executable, "-m", "wistro.cli", *words],
            cwd=shop,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert said.returncode == 0, said.stdout + said.stderr
