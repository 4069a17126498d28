"""A Chromium for the journeys: the machine's own; as root it is installed where it is missing."""

from __future__ import annotations

import os
import shutil
import subprocess

from infra.terminal import Failed, Terminal

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FONTS = "fonts-dejavu-core"  # without any font a page of the system's own has no text to click
HINT = "Install one (Debian: apt-get install chromium), or name it: WISTRO_CHROMIUM=/path/to/chrome"


def find_or_install() -> str:
    """The path of a Chromium; raises Failed in one line where there is none and it may not be installed."""
    if found := find():
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Failed("Chromium is missing, which the browser tests need", HINT)
    with Terminal().step("Chromium"):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for argv in (
            ["apt-get", "update"],
            ["apt-get", "install", "-y", "--no-install-recommends", "chromium", FONTS],
        ):
            done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        if done.returncode or not find():
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise Failed(f"Chromium could not be installed: {said}", HINT)
    return str(find())


def find() -> str | None:
    named = os.environ.get("WISTRO_CHROMIUM")
    if named:
        return named
    return next((path for name in NAMES if (path := shutil.which(name))), None)
