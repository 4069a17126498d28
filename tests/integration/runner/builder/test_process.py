"""`python -m runner.builder` as a process: registers, is killed in a build, and the next one starts clean."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.integration.runner.builder.machine_api import MachineApi
from tests.integration.runner.builder.test_builds import PROJECT, STEP, an_upload

LIMIT_S = 30
ENDLESS = PROJECT | {"src/greet.step.py": "while True: pass\n" + STEP}


def a_builder(api: MachineApi, tmp_path: Path, **settings: str) -> subprocess.Popen[bytes]:
    env = {
        "PATH": os.environ["PATH"],
        "WISTRO_MACHINES_URL": f"http://127.0.0.1:{api.port}",
        "WISTRO_POOL_TOKEN": "pool",
        "WISTRO_NAME": "here",
        "WISTRO_DATA": str(tmp_path / "data"),
        "WISTRO_RUN": str(tmp_path / "run"),
    }
    return subprocess.Popen([sys.executable, "-m", "runner.builder"], env=env | settings, stderr=-1)


def end(builder: subprocess.Popen[bytes], number: int) -> str:
    builder.send_signal(number)
    _, said = builder.communicate(timeout=LIMIT_S)
    return said.decode()


async def test_a_killed_builder_leaves_nothing_to_the_next_one(
    api: MachineApi, tmp_path: Path
) -> None:
    api.order(upload=an_upload(api, ENDLESS))
    first = a_builder(api, tmp_path)
    await api.reached("compiling")
    end(first, signal.SIGKILL)
    left = list((tmp_path / "data/work").iterdir())

    api.order(upload=an_upload(api, PROJECT))
    second = a_builder(api, tmp_path)
    result = await api.result()
    said = end(second, signal.SIGTERM)

    assert left
    assert result.outcome == "ready", said
    assert list((tmp_path / "data/work").iterdir()) == []
    assert second.returncode == 0, said
    assert api.registrations[0].kind == "builder"
    assert api.registrations[0].sandbox["seccomp"] == "on"


def test_a_mode_that_means_nothing_is_one_clear_line(api: MachineApi, tmp_path: Path) -> None:
    builder = a_builder(api, tmp_path, WISTRO_SANDBOX="maybe")

    _, said = builder.communicate(timeout=LIMIT_S)

    assert builder.returncode == 1
    assert said.decode().splitlines()[-1].endswith("sandbox.mode")
    assert "Traceback" not in said.decode()
