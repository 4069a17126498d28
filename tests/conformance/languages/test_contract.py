"""cases.py, in every language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conformance.languages.calls import Caller
from tests.conformance.languages.cases import CASES, Case, refused
from tests.conformance.languages.recorder import Recorder
from tests.conformance.languages.subjects import PROJECTS, Subject
from wistro.hosts.port import Returned, Threw

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_host(case: Case, caller: Caller) -> None:
    await _check(case, caller)


@pytest.mark.parametrize("kind", ["bigint", "undefined", "promise"])
async def test_node_refuses_its_own_odd_values(kind: str, caller: Caller) -> None:
    if caller.subject.language == "node":
        await _check(refused(kind, at="/a/1"), caller)


async def _check(case: Case, caller: Caller) -> None:
    if caller.subject.language in case.but:
        pytest.skip("its compiler refuses that, or it has no such value")
    recorder = Recorder()

    outcome = await caller.call(*case.do, kind=case.kind, asks=recorder)

    if case.failed is not None:
        assert isinstance(outcome, Threw), outcome
        _check_failed(case.failed, outcome, caller.subject)
    else:
        assert isinstance(outcome, Returned), outcome
        answer = case.answer or {"status": 200, "headers": {}, "body": {"results": case.results}}
        assert outcome.answer == (answer if case.kind == "api" else None)
    assert recorder.emits == case.emits
    assert recorder.options == case.options
    assert recorder.writes == case.writes
    assert recorder.lines == case.lines
    assert recorder.streamed == case.streamed


def _check_failed(expected: dict, outcome: Threw, subject: Subject) -> None:
    for name, value in expected.items():
        actual = getattr(outcome.failed, name)
        if value == "THROWS HERE":
            assert place_of_throw(subject.acts, subject) in _innermost(actual), actual
        elif name in ("message", "stack"):
            assert value in actual
        elif name == "type":
            assert actual == subject.names.get(value, value)
        else:
            assert actual == value


def place_of_throw(file: str, subject: Subject) -> str:
    """As the language writes a place: `File "src/a.step.py", line 3` or `src/a.step.mjs:3`."""
    lines = (Path(PROJECTS) / subject.project / file).read_text().splitlines()
    number = next(at for at, line in enumerate(lines, 1) if "THROWS HERE" in line)
    if subject.language == "python":
        return f'File "{file}", line {number}'
    return f"{file}:{number}"


def _innermost(stack: str) -> str:
    """The last place of a stack, with the source line that Python adds."""
    assert not re.search(r"(^|[\s(\"])/", stack), "an absolute path"
    return "\n".join(stack.splitlines()[-2:])
