"""Every attempt of attempts.py, from a step and from an install script: refused. The same without a sandbox: works."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.sandbox import Egress, Limits, SandboxLauncher, interpreters
from tests.integration.runner.sandbox.attempts import ATTEMPTS, PRELUDE, Attempt
from tests.integration.runner.sandbox.world import World, a_machine, run
from wistro.hosts.plain import PlainLauncher
from wistro.hosts.port import Bind, Launch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")

SMALL = Limits(memory_bytes=200 << 20, processes=64, tmp_bytes=16 << 20)


@pytest.fixture(scope="module")
def machine() -> Iterator[World]:
    with a_machine() as world:
        yield world


@pytest.fixture(scope="module")
def sandboxed(machine: World) -> Iterator[SandboxLauncher]:
    hub = (f"127.0.0.1:{machine.facts['hub_port']}",)
    launcher = SandboxLauncher(limits=SMALL, egress=Egress(hub=hub))
    yield launcher
    launcher.close()


def a_launch(attempt: Attempt, world: World, *, from_install: bool = False) -> Launch:
    report = (
        "try:\n    print('GOT', attempt())\n"
        "except BaseException as problem:\n    print('REFUSED', repr(problem)[:200])\n"
    )
    source = f"{PRELUDE}\ndef attempt():\n    {attempt.code.strip()}\n{report}"
    argv = [sys.executable, "-I", "-c", source, json.dumps(world.facts)]
    if from_install:
        argv = ["/bin/sh", "-c", 'exec "$@"', "postinstall", *argv]
    return Launch(
        argv,
        cwd=world.bundle,
        env={"PATH": "/usr/bin:/bin"},
        fds={},
        binds=[
            Bind(world.bundle, world.bundle, writable=from_install),
            *(Bind(folder, folder) for folder in interpreters.folders(Path(sys.executable))),
        ],
    )


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.name)
def test_a_step_is_refused(attempt: Attempt, machine: World, sandboxed: SandboxLauncher) -> None:
    said, complained = run(sandboxed, a_launch(attempt, machine))

    assert f"GOT {machine.marker}" not in said
    assert said.startswith("REFUSED") or _was_killed_for(attempt, said), complained


@pytest.mark.parametrize(
    "attempt", [each for each in ATTEMPTS if each.from_install], ids=lambda attempt: attempt.name
)
def test_an_install_script_is_refused(
    attempt: Attempt, machine: World, sandboxed: SandboxLauncher
) -> None:
    said, complained = run(sandboxed, a_launch(attempt, machine, from_install=True))

    assert f"GOT {machine.marker}" not in said
    assert said.startswith("REFUSED") or _was_killed_for(attempt, said), complained


@pytest.mark.parametrize(
    "attempt",
    [
        each
        for each in ATTEMPTS
        if each.plain == "always" or (each.plain == "root" and os.geteuid() == 0)
    ],
    ids=lambda attempt: attempt.name,
)
def test_the_same_works_without_a_sandbox(attempt: Attempt, machine: World) -> None:
    said, complained = run(PlainLauncher(), a_launch(attempt, machine))

    assert said.strip() == f"GOT {machine.marker}", said + complained


def test_at_least_fifteen_attempts_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    from_install = sum(each.from_install for each in ATTEMPTS)
    with capsys.disabled():
        print(
            f"\nsandbox attempts: {len(ATTEMPTS)} from a step, {from_install} from an install script"
        )

    assert len({each.name for each in ATTEMPTS}) == len(ATTEMPTS) >= 15


def _was_killed_for(attempt: Attempt, said: str) -> bool:
    """Taking too much memory is answered by the kernel, not by an exception."""
    return attempt.name == "all of the memory" and not said.strip()
