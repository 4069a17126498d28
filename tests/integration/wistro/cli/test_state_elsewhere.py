"""A project whose state is in files, run, looked at from the terminal, mended by hand, and served by its lock."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.ports import free_ports
from tests.integration.wistro.cli.conftest import FILES, Said, started, until
from tests.integration.wistro.running import a_project

Wistro = Callable[..., Said]
YAML = FILES["wistro.yml"] + "state: {adapter: files}\n"
COUNT = """
config = {"type": "event", "name": "Count", "flows": ["orders"], "subscribes": ["order.placed"],
          "emits": ["order.counted"]}

async def handler(order, ctx):
    await ctx.state.update("totals", order["sku"], {"increment": 1})
    await ctx.state.set("orders", ctx.run_id, order)
    await ctx.emit({"topic": "order.counted", "data": order})
"""
SEE = """
config = {"type": "event", "name": "See", "flows": ["orders"], "subscribes": ["order.counted"], "emits": []}

async def handler(order, ctx):
    total = await ctx.state.get("totals", order["sku"])
    ctx.logger.info(f"total {total}", {"orders": len(await ctx.state.list("orders"))})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"wistro.yml": YAML, "src/count.step.py": COUNT, "src/see.step.py": SEE}
    place = FILES["src/place.step.py"]
    return a_project(tmp_path / "p", files | {"src/place.step.py": place})


def test_state_in_files_is_seen_by_the_next_step_by_people_and_after_a_restart(
    wistro: Wistro, folder: Path
) -> None:
    there = ["--folder", str(folder)]
    locked = wistro("lock", str(folder))
    with started(folder, "dev") as running:
        for _ in range(3):
            said = wistro("emit", "order.placed", '{"sku": "té/1"}', "--wait", *there)
            assert said.code == 0, said.out + said.err
        lines = until(lambda: wistro("logs", "--grep", "total 3", *there).out or None)
        (file,) = (folder / ".wistro" / "state" / "totals").glob("*.json")
        file.write_text("41")
        wistro("emit", "order.placed", '{"sku": "té/1"}', "--wait", *there)
        mended = wistro("state", "get", "totals", "té/1", *there)
        groups = wistro("state", "--json", *there)
        wistro("state", "set", "hand", "k", "[]", *there)
        log = running.log.read_text()

    offline = wistro("state", "get", "totals", "té/1", *there)
    with started(folder, "start") as running:
        wistro("emit", "order.placed", '{"sku": "té/1"}', "--wait", *there)
        again = wistro("state", "get", "totals", "té/1", *there)
        served = running.log.read_text()

    assert locked.code == 0 and "lock.state-elsewhere" in locked.err
    assert "lock.state-elsewhere" in log
    assert "orders=3" in lines
    assert mended.out == "42\n"
    assert json.loads(groups.out) == [
        {"group": "orders", "keys": 4},
        {"group": "totals", "keys": 1},
    ]
    assert (folder / ".wistro" / "state" / "hand" / "k.json").read_text() == "[]\n"
    assert (offline.out, again.out) == ("42\n", "43\n")
    assert '"state elsewhere"' in served


def test_a_redis_that_does_not_answer_is_said_and_nothing_is_served(
    wistro: Wistro, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "wistro.yml").write_text(
        FILES["wistro.yml"] + "state: {adapter: redis, url: $REDIS_URL}\n"
    )
    assert wistro("lock", str(folder)).code == 0
    monkeypatch.delenv("REDIS_URL", raising=False)
    unset = wistro("start", str(folder), "--port", "0")
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_ports(1)[0]}/0")
    away = wistro("start", str(folder), "--port", "0")

    assert (unset.code, away.code) == (1, 1)
    assert "REDIS_URL" in unset.err and "env.missing" in unset.err
    assert "Redis does not answer" in away.err and "state.unreachable" in away.err
