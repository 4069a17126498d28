"""H2, the live log: from a step's log call until the line is in the open page, at 1,000 lines/s, against a whole system.

`python -m bench.h2 [--seconds 20] [--rate 1000] [--short]`. Goal: p99 <= 500 ms.
A real headless Chromium has the log open; an observer in it notes when its count of lines grows. When a line was
logged stands on the line itself (the host's clock, the same machine's).
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

import psycopg
from playwright.async_api import Page, async_playwright, expect

from bench.report import machine, table
from infra.browser import find_or_install
from infra.settings import settings_of
from tests.journeys.callers import Edge
from tests.journeys.command_line import CommandLine
from tests.journeys.conftest import ARGUMENTS
from tests.journeys.person import Person
from tests.journeys.systems import Whole, whole_system

TALK = """
config = {
    "type": "api", "name": "Talk", "method": "POST", "path": "/talk", "public": True, "emits": ["talk"],
    "bodySchema": {"type": "object", "properties": {}},
}


async def handler(req, ctx):
    await ctx.emit({"topic": "talk", "data": req.body})
    return {"status": 202}
"""
TELL = """
import asyncio
import time

config = {"type": "event", "name": "Tell", "subscribes": ["talk"], "emits": [], "timeout": "5m"}


async def handler(wish, ctx):
    began = time.monotonic()
    for number in range(1, wish["lines"] + 1):
        ctx.logger.info(f"line {number}", {"order": f"order-{number % 97}", "shop": "berlin"})
        late = began + number / wish["rate"] - time.monotonic()
        if late > 0:
            await asyncio.sleep(late)
"""
# The page says how many lines it holds: those up to that number are there, drawn or a scroll away.
OBSERVE = """() => {
  window.seen = [];
  const look = () => {
    const said = document.body.innerText.match(/([\\d,]+) lines?, (?:from|older)/);
    const count = said ? Number(said[1].replaceAll(',', '')) : 0;
    const last = window.seen.at(-1);
    if (count && (!last || last[0] !== count)) window.seen.push([count, Date.now()]);
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  look();
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--short", action="store_true", help="three seconds of it")
    options = parser.parse_args()
    seconds = 3 if options.short else options.seconds
    count = int(seconds * options.rate)
    with tempfile.TemporaryDirectory(prefix="wistro-bench-") as scratch:
        logged, taken, seen = asyncio.run(measure(Path(scratch), count=count, rate=options.rate))
    took_s = (logged[-1] - logged[0]) / 1e6 or 1
    print(
        f"H2  {machine()}\n    {count:,} lines, {(count - 1) / took_s:,.0f}/s; milliseconds since the log call\n"
    )
    rows = [
        [
            "in the Hub's table",
            *spread([(b - a) / 1e3 for a, b in zip(logged, taken, strict=True)]),
        ],
        ["in the open page", *spread([(b - a) / 1e3 for a, b in zip(logged, seen, strict=True)])],
    ]
    print(table(["line", "p50", "p95", "p99", "max"], rows))


def spread(latencies: list[float]) -> list[str]:
    ordered = sorted(latencies)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99)]
    return [f"{value:,.0f}" for value in [*at, ordered[-1]]]


async def measure(folder: Path, *, count: int, rate: int) -> tuple[list[int], list[int], list[int]]:
    """When each line was logged, taken in by the Hub, and seen by the page: microseconds."""
    async with whole_system(folder) as whole, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_or_install(), args=ARGUMENTS
        )
        try:
            context = await browser.new_context(viewport={"width": 1440, "height": 900})
            ada = Person(await context.new_page(), hub=whole.hub, email="ada@example.com")
            edge = await serve(ada, whole, folder)
            seen = await watch(ada, edge, count=count, rate=rate)
        finally:
            await browser.close()
        logged, taken = zip(*lines_of(whole), strict=True)
    return list(logged), list(taken), when(seen, count)


async def serve(ada: Person, whole: Whole, folder: Path) -> Edge:
    """The project that talks, deployed; where it is called."""
    await ada.signs_up("correct horse battery 1")
    await ada.makes("acme", "talk")
    command_line = CommandLine(folder / "home", hub=whole.hub)
    await command_line.log_in(ada.page)
    root = folder / "talk"
    (root / "src").mkdir(parents=True)
    (root / "src" / "talk.step.py").write_text(TALK)
    (root / "src" / "tell.step.py").write_text(TELL)
    await command_line.run("deploy", "--project", ada.project, "--to", "dev", at=root)
    return Edge(whole.place.ports.gateway, (await ada.environment("dev"))["address"])


async def watch(ada: Person, edge: Edge, *, count: int, rate: int) -> list[tuple[int, int]]:
    """(lines held, when in ms) each time that it grew, until the page holds all."""
    page: Page = ada.page
    await ada.opens(f"/{ada.project}/dev/logs")
    await expect(page.get_by_text("No log line yet")).to_be_visible()
    await page.evaluate(OBSERVE)
    async with edge.client() as client:
        answer = await client.post("/talk", json={"lines": count, "rate": rate})
        assert answer.status_code == 202, answer.text
    held = page.get_by_text(f"{count:,} lines, ")
    await expect(held).to_be_visible(timeout=(count / rate + 60) * 1_000)
    return await page.evaluate("window.seen")


def lines_of(whole: Whole) -> list[tuple[int, int]]:
    """(logged, taken in) of each line, in the order in which a page reads them."""
    sql = (
        "SELECT at_us, (extract(epoch FROM taken_at) * 1e6)::bigint FROM lines"
        " WHERE message LIKE 'line %' ORDER BY stream, seq"
    )
    with psycopg.connect(settings_of(whole.place)["DATABASE_OWNER_URL"]) as connection:
        return connection.execute(sql).fetchall()


def when(seen: list[tuple[int, int]], count: int) -> list[int]:
    """For each line, when the page first held so many."""
    instants: list[int] = []
    for held, at_ms in seen:
        instants += [at_ms * 1_000] * (held - len(instants))
    assert len(instants) == count, f"the page held {len(instants)} of {count} lines"
    return instants


if __name__ == "__main__":
    main()
