"""Every screen live and in one other state, looks taking turns: axe, console, CSP and the width of the page.

`make screens` takes all states in all looks, and keeps the pictures.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from infra.bootstrap import ROOT
from infra.browser import find


@pytest.mark.timeout(420)
def test_no_screen_is_wrong() -> None:
    node, chromium = shutil.which("node"), find()
    if node is None or chromium is None:
        pytest.fail("The screens need Node and a Chromium: make check installs them")
    done = subprocess.run(
        [node, "screens/run.js", "--short"],
        cwd=ROOT / "frontend",
        env={**os.environ, "WISTRO_CHROMIUM": chromium},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    passed = int(said.rsplit(" passed", 1)[0].split()[-1])
    assert passed > 60, said  # a list of screens that shrank would pass by itself
