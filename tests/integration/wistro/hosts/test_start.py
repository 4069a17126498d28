"""Hosts that cannot start: said at once, with the reason, and not tried again at every call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wistro.hosts.port import HostLost, Returned
from wistro.languages import LANGUAGES


async def reason(place) -> str:
    outcome = await place.call("pid").outcome()
    assert isinstance(outcome, HostLost)
    assert not outcome.alone
    assert outcome.exit.startswith("could not start: ")
    return outcome.exit.removeprefix("could not start: ")


async def test_python_version_that_is_not_installed(place) -> None:
    place.open(runtimes={"python": "2.1"}, environ={"PATH": ""})

    assert await reason(place) == "Python 2.1 is asked for by `runtimes` and is not installed"


async def test_node_with_an_empty_path(place) -> None:
    place.open(language="node", environ={"PATH": ""})

    assert "not on PATH" in await reason(place)


async def test_node_of_another_version(place) -> None:
    place.open(language="node", runtimes={"node": "3"})

    assert "asks for node 3" in await reason(place)


async def test_python_runs_with_an_empty_path(place) -> None:
    place.open(environ={"PATH": ""})

    assert await place.call("pid").outcome() == Returned(None)


async def test_interpreter_that_ends_at_once(place) -> None:
    place.open(languages=python_by("/bin/false"))

    assert await reason(place) == "exit 1"


async def test_interpreter_that_says_why(place) -> None:
    place.open(
        languages={"python": replace(LANGUAGES["python"], host=("-c", "raise ValueError('why')"))}
    )

    assert "ValueError: why" in await reason(place)


async def test_interpreter_that_is_no_program(place) -> None:
    text = place.root / "python"
    text.write_text("not a program")
    place.open(languages=python_by(str(text)))

    assert "is not a program" in await reason(place)


async def test_interpreter_that_says_nothing(place) -> None:
    row = replace(LANGUAGES["python"], host=("-c", "import time; time.sleep(600)"))
    place.open(languages={"python": row}, sizes={"start_timeout_s": 0.2})

    assert await reason(place) == "it said nothing for 0.2 s"


async def test_host_of_a_newer_protocol(place) -> None:
    body = b'{"frame":"ready","protocol":9,"language":"python","runtime":"3","pid":1}'
    code = f"import os, time; os.write(3, bytes([0,0,0,{len(body)}]) + {body!r}); time.sleep(600)"
    place.open(languages={"python": replace(LANGUAGES["python"], host=("-c", code))})

    assert "speaks protocol 9" in await reason(place)


async def test_failed_start_is_not_repeated_for_every_call(place) -> None:
    place.open(languages=python_by("/bin/false"), sizes={"backoff_s": 600.0})

    reasons = [await reason(place) for _ in range(5)]

    assert reasons == ["exit 1"] * 5
    assert place.launcher.launches == 1


async def test_next_start_may_succeed(place) -> None:
    flag = place.root / "installed"
    row = LANGUAGES["python"]

    def find(root: Path, version: str | None, path: str) -> Path:
        return row.find(root, version, path) if flag.exists() else Path("/bin/false")

    place.open(languages={"python": replace(row, find=find)}, sizes={"backoff_s": 0.0})
    assert await reason(place) == "exit 1"

    flag.touch()

    assert await place.call("pid").outcome() == Returned(None)


def python_by(program: str) -> dict:
    return {"python": replace(LANGUAGES["python"], find=lambda root, version, path: Path(program))}


@pytest.mark.parametrize("where", [".venv/bin"])
async def test_project_with_its_own_venv_runs_in_it(place, where: str) -> None:
    folder = place.root / where
    folder.mkdir(parents=True)
    wrapper = folder / "python"
    program = LANGUAGES["python"].find(place.root / "nowhere", None, "")
    wrapper.write_text(f'#!/bin/sh\ntouch "{place.root}/used"\nexec {program} "$@"\n')
    wrapper.chmod(0o755)
    place.open()

    await place.call("pid").outcome()

    assert (place.root / "used").exists()
