"""Runs that began with an event from outside or waited for a person are repeated without either."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.wistro.replay.recording import pulled, recorded
from tests.integration.wistro.running import a_project, run

FILES = {
    "wistro.yml": "topics: {order.large: {from: outside}}\n",
    "src/approve.step.py": """
config = {"type": "noop", "name": "Approve", "subscribes": ["order.large"],
          "task": {"answers": {"approve": {"emits": "order.approved", "form": {"type": "object", "required": ["note"]}}}}}
""",
    "src/after.step.py": """
config = {"type": "event", "name": "After", "subscribes": ["order.approved"], "emits": []}

async def handler(message, ctx):
    await ctx.state.set("notes", "last", message["note"])
""",
}


@pytest.fixture
async def project(tmp_path: Path) -> Path:
    root = a_project(tmp_path, FILES)
    sample = await recorded(
        root, emit=("order.large", {"order": 7}), answers=[("approve", {"note": "fine"})]
    )
    pulled(root, sample)
    return root


async def test_a_task_is_answered_as_it_was(project: Path) -> None:
    code, said = await run("replay", "orders", folder=project)

    assert code == 0, said


async def test_what_follows_the_answer_is_compared(project: Path) -> None:
    after = project / "src" / "after.step.py"
    after.write_text(after.read_text().replace('message["note"]', 'message["note"].upper()'))

    code, said = await run("replay", "orders", folder=project)

    assert code == 1 and "src/after" in said, said


async def test_an_answer_that_is_not_taken_any_more_is_the_difference(project: Path) -> None:
    approve = project / "src" / "approve.step.py"
    approve.write_text(approve.read_text().replace('["note"]', '["note", "cents"]'))

    code, said = await run("replay", "orders", folder=project)

    assert code == 1 and "was not answered" in said, said
