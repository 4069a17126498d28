"""The `wistro` command as somebody types it: a process of its own, a home folder of its own."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Page

from infra.place import CHECKOUT

KEPT_FROM_IT = ("WISTRO_", "DATABASE_", "REDIS_", "DJANGO_", "PYTHON", "XDG_")


@dataclass(frozen=True)
class Said:
    """What a command printed, talk and data together."""

    said: str

    @property
    def last(self) -> str:
        return self.said.strip().splitlines()[-1].strip()

    @property
    def first_difference(self) -> str:
        """The lines that name it, in one."""
        return " ".join(self.said.split())[:300]


class CommandLine:
    """`home` is where it keeps its sign-in; `hub` where it signs in."""

    def __init__(self, home: Path, *, hub: str) -> None:
        home.mkdir()
        self._hub = hub
        kept = {k: v for k, v in os.environ.items() if not k.startswith(KEPT_FROM_IT)}
        self._env = {
            **kept,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "PYTHONPATH": str(CHECKOUT),
            "NO_COLOR": "1",
        }

    async def log_in(self, page: Page) -> None:
        """`wistro login`, answered in this browser."""
        process = await self._start(["login", "--hub", self._hub, "--no-browser"], at=Path.cwd())
        assert process.stdout is not None
        url, printed = "", ""
        async with asyncio.timeout(30):
            while not url:
                line = (await process.stdout.readline()).decode()
                assert line, f"ended without an address: {printed}"
                printed += line
                if found := re.search(r"https?://\S+/oauth/authorize\S+", line):
                    url = found[0]
        await page.goto(url)
        await page.get_by_role("button", name="Allow").click()
        async with asyncio.timeout(30):
            rest, _ = await process.communicate()
        assert process.returncode == 0, printed + rest.decode()

    async def run(
        self, *words: str, at: Path, env: dict[str, str] | None = None, exits: int = 0
    ) -> Said:
        """Run `wistro <words>` in a folder; fails when it exits otherwise than said."""
        process = await self._start([*words], at=at, env=env)
        async with asyncio.timeout(120):
            printed, _ = await process.communicate()
        assert process.returncode == exits, (words, process.returncode, printed.decode())
        return Said(printed.decode())

    async def _start(
        self, words: list[str], *, at: Path, env: dict[str, str] | None = None
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "wistro.cli",
            *words,
            cwd=at,
            env={**self._env, **(env or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
