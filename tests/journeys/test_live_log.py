"""The live log keeps its promise: 200 lines a second, the socket cut twice and Redis killed once, and the open page
holds 1..N, each once, in order. While nothing happens it asks for nothing.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, WebSocketRoute, expect

from tests.journeys.callers import Edge
from tests.journeys.command_line import CommandLine
from tests.journeys.person import Person
from tests.journeys.systems import whole_system

pytestmark = pytest.mark.timeout(600)
RATE, LINES = 200, 6_000
CUT_S = 5.0
IDLE_S = 12.0

TALK = """
config = {
    "type": "api", "name": "Talk", "method": "POST", "path": "/talk", "public": True,
    "emits": ["talk"], "bodySchema": {"type": "object", "properties": {}},
}


async def handler(req, ctx):
    await ctx.emit({"topic": "talk", "data": {"rate": RATE, "lines": LINES}})
    return {"status": 202}
""".replace("RATE", str(RATE)).replace("LINES", str(LINES))
TELL = """
import asyncio
import time

config = {"type": "event", "name": "Tell", "subscribes": ["talk"], "emits": [], "timeout": "3m"}


async def handler(wish, ctx):
    began = time.monotonic()
    for number in range(1, wish["lines"] + 1):
        ctx.logger.info(f"line {number}")
        late = began + number / wish["rate"] - time.monotonic()
        if late > 0:
            await asyncio.sleep(late)
"""


class Sockets:
    """The page's live sockets, which can be cut and kept cut."""

    def __init__(self) -> None:
        self.open: set[WebSocketRoute] = set()
        self.is_cut = False
        self.opened = 0

    async def route(self, socket: WebSocketRoute) -> None:
        if self.is_cut:
            await socket.close(code=1011, reason="cut")
            return
        server = socket.connect_to_server()
        self.open.add(socket)
        self.opened += 1
        socket.on_message(server.send)
        server.on_message(socket.send)

    async def cut(self, *, for_s: float) -> None:
        self.is_cut = True
        for socket in list(self.open):
            await socket.close(code=1011, reason="cut")
        self.open.clear()
        await asyncio.sleep(for_s)  # the length of the cut is what is asked for
        self.is_cut = False


async def test_the_open_page_holds_every_line_once_in_order(
    tmp_path: Path, context: BrowserContext
):
    sockets = Sockets()
    await context.route_web_socket(re.compile("/live$"), sockets.route)
    async with whole_system(tmp_path) as whole:
        ada = Person(await context.new_page(), hub=whole.hub, email="ada@example.com")
        await ada.signs_up("correct horse battery 1")
        await ada.makes("acme", "talk")
        await deploy(ada, tmp_path, hub=whole.hub)
        edge = Edge(whole.place.ports.gateway, (await ada.environment("dev"))["address"])
        await ada.opens(f"/{ada.project}/dev/logs")
        await expect(ada.page.get_by_text("No log line yet")).to_be_visible()

        async with edge.client() as client:
            assert (await client.post("/talk", json={})).status_code == 202
        lines = ada.page.get_by_label("Log lines, oldest first")
        await expect(lines).to_be_visible(timeout=20_000)
        await sockets.cut(for_s=CUT_S)
        os.kill(whole.running.pids["valkey"], signal.SIGKILL)
        await whole.running.wait_restarted("valkey")
        await sockets.cut(for_s=CUT_S)
        await expect(ada.page.get_by_text(f"{LINES:,} lines, from the first kept")).to_be_visible(
            timeout=60_000
        )

        assert sockets.opened >= 3
        assert await all_rows(ada.page) == [f"line {number}" for number in range(1, LINES + 1)]
        say(
            f"{LINES} lines at {RATE}/s through 2 cuts of {CUT_S:g} s and a killed Redis: each once, in order"
        )
        requests = await requests_while_idle(ada.page)
        assert requests == []
        say(f"requests in {IDLE_S:g} idle seconds: {len(requests)}")


async def deploy(ada: Person, folder: Path, *, hub: str) -> None:
    command_line = CommandLine(folder / "home", hub=hub)
    await command_line.log_in(ada.page)
    root = folder / "talk"
    (root / "src").mkdir(parents=True)
    (root / "src" / "talk.step.py").write_text(TALK)
    (root / "src" / "tell.step.py").write_text(TELL)
    await command_line.run("deploy", "--project", ada.project, "--to", "dev", at=root)


async def all_rows(page: Page) -> list[str]:
    """Scroll through the whole list and take each row's text once, by its place in the list."""
    return await page.evaluate(
        """async () => {
          const list = document.querySelector('[aria-label="Log lines, oldest first"]');
          const found = new Map();
          const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          list.scrollTop = 0;
          for (;;) {
            await frame();
            for (const row of list.querySelectorAll('[data-index]')) {
              const text = row.textContent.match(/line \\d+|\\d+ lines? lost/);
              found.set(Number(row.dataset.index), text ? text[0] : row.textContent);
            }
            if (list.scrollTop + list.clientHeight >= list.scrollHeight - 1) break;
            list.scrollTop += list.clientHeight;
          }
          return [...found.keys()].sort((a, b) => a - b).map((index) => found.get(index));
        }"""
    )


async def requests_while_idle(page: Page) -> list[str]:
    """What the page asks the server for while nothing happens."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await asyncio.sleep(IDLE_S)  # idleness is a length of time: there is no event to wait for
    return asked


def say(said: str) -> None:
    print(f"\n  ✓ {said}", flush=True, file=sys.__stderr__)
