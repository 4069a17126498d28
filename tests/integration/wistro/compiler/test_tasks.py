"""A No-Op step that waits, and a topic that events arrive on from outside: compiled, checked, drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.wistro.compiler.test_problems import ENDPOINT, HEARS, write
from wistro.compiler import compile_project
from wistro.compiler.project import Compiled
from wistro.lock import file
from wistro.lock.picture import graph

APPROVE = """
from dataclasses import dataclass

@dataclass
class Approval:
    note: str = ""

config = {
    "type": "noop", "name": "Manager approves", "flows": ["orders"],
    "subscribes": ["taken"],
    "task": {
        "assignee": "managers", "timeout": "3d", "onTimeout": "reject",
        "answers": {
            "approve": {"emits": "approved", "form": Approval},
            "reject": {"emits": "rejected", "form": {"type": "object", "properties": {"reason": {"type": "string", "default": "nobody answered"}}, "required": ["reason"]}},
        },
    },
}
"""
APPROVE_TS = """
export const config = {
  type: 'noop', name: 'Manager approves', subscribes: ['taken'],
  task: {
    answers: { approve: { emits: 'approved', form: { type: 'object', properties: { cents: { type: 'integer' } }, required: ['cents'] } } },
  },
}
"""
AFTER = HEARS.replace('"Hear"', '"After"').replace('"taken"', '"approved", "rejected"')


def compiled(root: Path, files: dict[str, str]) -> Compiled:
    return compile_project(
        write(root, {"src/take.step.py": ENDPOINT, "src/after.step.py": AFTER} | files)
    )


def codes(root: Path, files: dict[str, str]) -> list[tuple[str, str]]:
    found = compiled(root, files)
    assert found.lock is None
    return [(one.code, one.where or "") for one in found.problems]


def test_a_task_is_in_the_lock_with_a_form_for_each_answer(tmp_path: Path):
    found = compiled(tmp_path, {"src/approve.step.py": APPROVE})

    assert found.lock is not None, found.problems
    step = found.lock.steps["src/approve"]
    assert step.config.task is not None
    assert step.config.task.on_timeout == "reject"
    assert sorted(step.forms) == ["approve", "reject"]
    assert step.config.conditional_emits == ["approved", "rejected"]
    assert found.lock.topics["taken"].to == ["src/approve"]
    assert found.lock.topics["approved"].from_ == ["src/approve"]
    assert file.parse(file.write(found.lock)) == found.lock


def test_a_task_of_typescript_has_the_same_lock(project: Path):
    found = compiled(
        project,
        {"src/approve.step.ts": APPROVE_TS, "src/after.step.py": AFTER.replace(', "rejected"', "")},
    )

    assert found.lock is not None, found.problems
    step = found.lock.steps["src/approve"]
    assert found.lock.schemas[step.forms["approve"].ref.removeprefix("#/schemas/")] == {
        "type": "object",
        "properties": {"cents": {"type": "integer"}},
        "required": ["cents"],
    }


def test_a_task_is_drawn_with_its_real_edges(tmp_path: Path):
    found = compiled(tmp_path, {"src/approve.step.py": APPROVE})

    assert found.lock is not None
    drawn = graph(found.lock)
    edges = {(one.source, one.target, one.topic, one.virtual) for one in drawn.edges}
    node = next(one for one in drawn.nodes if one.id == "src/approve")
    assert ("src/take", "src/approve", "taken", False) in edges
    assert ("src/approve", "src/after", "approved", False) in edges
    assert node.trigger == "waits for managers, 3d"


TASK = '"task": {'
WRONG = {
    "no answers": ('"answers": {', '"assigne": "x", "answers": {', "lock.unknown-key"),
    "an answer that emits nothing": ('"emits": "approved", ', "", "lock.config"),
    "a timeout that leads nowhere": ('"onTimeout": "reject",', "", "lock.config"),
    "a length that is none": ('"3d"', '"soon"', "lock.config"),
    "an answer's name that is none": ('"approve": {', '"approve it": {', "lock.config"),
    "a form that nobody fills": (', "default": "nobody answered"', "", "lock.unfilled-form"),
    "answers that are no mapping": ('"subscribes": ["taken"],', '"subscribes": [],', "lock.config"),
    "what it hears without waiting": ('"task": {', '"tasks": {', "lock.unknown-key"),
}


@pytest.mark.parametrize(("old", "new", "code"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_task_is_said(tmp_path: Path, old: str, new: str, code: str):
    assert old in APPROVE

    said = codes(tmp_path, {"src/approve.step.py": APPROVE.replace(old, new)})

    assert code in [one for one, _ in said], said
    assert all(where.startswith("src/approve.step.py:") for _, where in said), said


def test_an_answers_form_must_fit_who_hears_it(tmp_path: Path):
    needs = AFTER.replace(
        '"emits"',
        '"input": {"type": "object", "required": ["note"], "properties": {"note": {"type": "integer"}}}, "emits"',
    )

    said = codes(tmp_path, {"src/approve.step.py": APPROVE, "src/after.step.py": needs})

    assert "lock.does-not-fit" in [code for code, _ in said], said


def test_a_timeout_may_lead_to_a_topic_with_the_message_it_waited_with(tmp_path: Path):
    late = APPROVE.replace('"onTimeout": "reject"', '"onTimeout": "escalated"').replace(
        '"subscribes"', '"input": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}, "subscribes"'
    )  # fmt: skip
    hears = HEARS.replace('"Hear"', '"Late"').replace('"taken"', '"escalated"')
    hears = hears.replace('"emits"', '"input": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "integer"}}}, "emits"')  # fmt: skip

    said = codes(tmp_path, {"src/approve.step.py": late, "src/late.step.py": hears})

    assert ("lock.does-not-fit", "src/approve.step.py:12") in said
