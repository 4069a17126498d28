"""Somebody who follows the README: a terminal whose folder and PATH last from one command to the next, and a browser."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Page, expect

from tests.journeys.readme import Clicked, Typed

GOES_ON = {"make up": "Ctrl-C stops all of it.", "wistro dev": "Ctrl-C ends it"}  # until Ctrl-C
ASKS_IN_THE_BROWSER = "wistro login"
COMES_A_MOMENT_LATER = ("wistro logs", "wistro traffic")  # records travel: look again, as people do
LOOKS_AGAIN = 30


@dataclass
class Running:
    """A command that has not ended yet, and what it has printed."""

    process: asyncio.subprocess.Process
    typed: Typed
    printed: str = ""

    async def read_until(self, wanted: str, limit_s: float) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(limit_s):
            while not re.search(wanted, self.printed):
                line = await self.process.stdout.readline()
                assert line, f"`{self.typed.command}` ended:\n{self.printed}"
                self.printed += line.decode(errors="replace")
        return self.printed

    async def ended(self, limit_s: float) -> int:
        async with asyncio.timeout(limit_s):
            rest, _ = await self.process.communicate()
        self.printed += rest.decode(errors="replace")
        return self.process.returncode or 0

    def holds(self) -> None:
        """Everything that the README shows was printed, in its order."""
        missing = self.typed.missing_from(self.printed)
        assert not missing, f"`{self.typed.command}` does not print {missing}:\n{self.printed}"


@dataclass
class Follower:
    """`instead` is what stands where the README has the usual ports; `known` what a person read on the way."""

    folder: Path
    env: dict[str, str]
    page: Page
    instead: Mapping[str, str]
    known: dict[str, str] = field(default_factory=dict)
    going_on: dict[str, Running] = field(default_factory=dict)
    asking: Running | None = None

    async def does(self, one: Typed | Clicked) -> None:
        if isinstance(one, Clicked):
            await self.clicks(one)
        else:
            await self.types(Typed(self.here(one.command), tuple(map(self.here, one.shown))))

    def here(self, text: str) -> str:
        for usual, instead in self.instead.items():
            text = text.replace(usual, instead)
        return text

    async def types(self, typed: Typed) -> None:
        running = await self.start(typed)
        usual = next((name for name in GOES_ON if typed.command.startswith(name)), None)
        if usual:
            self.going_on[usual] = running
            await running.read_until(re.escape(GOES_ON[usual]), 600)
            running.holds()
            if found := re.search(r"sign in .*password\s+(\S+)", running.printed):
                self.known["(from make up)"] = found[1]
        elif typed.command.startswith(ASKS_IN_THE_BROWSER):
            printed = await running.read_until(r"https?://\S+/oauth/authorize\S+", 60)
            await self.page.goto(re.findall(r"https?://\S+/oauth/authorize\S+", printed)[0])
            self.asking = running
        else:
            await self.ends(running)

    async def ends(self, running: Running) -> None:
        """It ends as it should, with what is shown; some ask again until what is on its way has come."""
        typed = running.typed
        code = await running.ended(180)
        for _ in range(LOOKS_AGAIN if typed.command in COMES_A_MOMENT_LATER else 0):
            if not typed.missing_from(running.printed):
                break
            running = await self.start(typed)
            code = await running.ended(60)
        assert (code != 0) == typed.fails, f"`{typed.command}` exits {code}:\n{running.printed}"
        running.holds()

    async def start(self, typed: Typed) -> Running:
        """In a shell that leaves its folder and its environment behind for the next."""
        kept = self.folder / "shell"
        kept.mkdir(exist_ok=True)
        script = (
            f"{typed.command}\ncode=$?; pwd > {kept}/pwd; env -0 > {kept}/env; exit $code"
            if not typed.command.startswith((*GOES_ON, ASKS_IN_THE_BROWSER))
            else f"exec {typed.command}"
        )
        if (kept / "env").exists():
            pairs = (pair.partition("=") for pair in (kept / "env").read_text().split("\0") if pair)
            self.env = {name: value for name, _, value in pairs}
        at = (kept / "pwd").read_text().strip() if (kept / "pwd").exists() else self.env["PWD"]
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", script),
            cwd=at,
            env={**self.env, "PWD": at},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        return Running(process, typed)

    async def clicks(self, one: Clicked) -> None:
        if one.address:
            await self.page.goto(self.here(one.address))
        for label, value in one.deeds:
            if value is None:
                await self.click(label)
            else:
                await self.page.get_by_label(label, exact=True).fill(self.known.get(value, value))
        if self.asking is not None:
            assert await self.asking.ended(30) == 0, self.asking.printed
            self.asking.holds()
            self.asking = None

    async def click(self, label: str) -> None:
        """What bears this label: a button or link, or else the first text of it, as of a row."""
        button = self.page.get_by_role("button", name=label, exact=True)
        named = button.or_(self.page.get_by_role("link", name=label, exact=True))
        text = self.page.locator("main").get_by_text(label, exact=True)
        await expect(named.or_(text).first).to_be_visible(timeout=30_000)
        await (named if await named.count() else text).first.click()

    async def stops(self) -> None:
        """Ctrl-C in each terminal; what was started first ends last, and each ends well."""
        for name, running in reversed(self.going_on.items()):
            os.killpg(running.process.pid, signal.SIGINT)
            code = await running.ended(90)
            assert code in (0, 130, -signal.SIGINT), (
                f"`{name}` ends with {code}:\n{running.printed}"
            )

    async def ends_all(self) -> None:
        """Nothing is left when the README was wrong halfway."""
        for running in [*self.going_on.values(), *([self.asking] if self.asking else [])]:
            if running.process.returncode is None:
                os.killpg(running.process.pid, signal.SIGTERM)
                await running.ended(90)
