"""Events from outside at `wistro start`, with the key that it made up."""

from __future__ import annotations

import json
from pathlib import Path

from infra.ports import free_ports
from tests.integration.wistro.running import ask, wistro
from tests.integration.wistro.start.test_start import locked, serving

SETTINGS = "topics: {stock.changed: {from: outside, flows: [stock], schema: {type: object, required: [sku]}}}\n"
COUNT = """
config = {"type": "event", "name": "Count", "flows": ["stock"], "subscribes": ["stock.changed"], "emits": []}

async def handler(change, ctx):
    ctx.logger.info("counted", {"sku": change["sku"]})
"""
PATH = "/_wistro/events/stock.changed"


async def test_an_event_from_outside_reaches_its_step(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "count.step.py").write_text(COUNT)
    (tmp_path / "wistro.yml").write_text(SETTINGS)
    locked(tmp_path)
    (port,) = free_ports(1)

    async with wistro("start", "--port", str(port), folder=tmp_path) as running:
        await serving(running)
        refused = await ask(port, "POST", PATH, {"sku": "a"})
        kept = tmp_path / ".wistro" / "events-key"
        key = {"authorization": f"Bearer {kept.read_text()}"}
        unfit = await ask(port, "POST", PATH, {}, headers=key)
        taken = await ask(port, "POST", PATH, {"sku": "a"}, headers=key)
        counted = json.loads(await running.line("counted"))

    assert (refused.status, unfit.status, taken.status) == (401, 422, 202)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert counted["fields"] == {"sku": "a"} and counted["run"] == taken.json["run_id"]
