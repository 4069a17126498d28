"""A topic that events arrive on from outside: compiled, checked, drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.wistro.compiler.test_problems import ENDPOINT, HEARS, write
from wistro.compiler import compile_project
from wistro.compiler.project import Compiled
from wistro.lock import file
from wistro.lock.diff import changes
from wistro.lock.picture import graph

OUTSIDE = "topics: {stock.changed: {from: outside, flows: [stock], schema: {type: object, required: [sku]}}}\n"
STOCK = HEARS.replace('"Hear"', '"Count"').replace('"taken"', '"stock.changed"')


def compiled(root: Path, files: dict[str, str]) -> Compiled:
    return compile_project(
        write(root, {"src/take.step.py": ENDPOINT, "src/hear.step.py": HEARS} | files)
    )


def codes(root: Path, files: dict[str, str]) -> list[tuple[str, str]]:
    found = compiled(root, files)
    assert found.lock is None
    return [(one.code, one.where or "") for one in found.problems]


def test_events_from_outside_are_a_way_in_and_drawn(tmp_path: Path):
    stock = STOCK.replace('"emits"', '"flows": ["stock"], "emits"')
    found = compile_project(write(tmp_path, {"wistro.yml": OUTSIDE, "src/count.step.py": stock}))

    assert found.lock is not None, found.problems
    assert found.warnings == []
    assert [one.topic for one in found.lock.triggers.outside] == ["stock.changed"]
    assert found.lock.topics["stock.changed"].from_ == ["outside:stock.changed"]
    assert found.lock.flows["stock"].steps == ["outside:stock.changed", "src/count"]
    drawn = graph(found.lock)
    assert [(one.source, one.target) for one in drawn.edges] == [
        ("outside:stock.changed", "src/count")
    ]
    assert ("outside:stock.changed", "outside") in {(one.id, one.kind) for one in drawn.nodes}


@pytest.mark.parametrize(
    "given",
    [
        "topics: {told: {from: inside}}\n",
        "topics: {told: {flows: [a]}}\n",
        "topics: {told: {form: outside}}\n",
    ],
)
def test_a_topic_is_from_outside_or_from_the_project(tmp_path: Path, given: str):
    said = codes(tmp_path, {"wistro.yml": given})

    assert {code for code, _ in said} <= {"lock.config", "lock.unknown-key"}, said


def test_the_difference_of_two_locks_names_what_comes_from_outside(tmp_path: Path):
    with_it = compile_project(write(tmp_path, {"wistro.yml": OUTSIDE, "src/count.step.py": STOCK}))
    assert with_it.lock is not None
    without = file.parse(file.write(with_it.lock))
    without.triggers.outside = []

    assert "events on `stock.changed` arrive from outside" in changes(without, with_it.lock)
