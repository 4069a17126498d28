from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from runner.sandbox.cgroups import Cgroups


def a_v1_machine(tmp_path: Path) -> tuple[Path, Path]:
    for controller in ("memory", "pids"):
        (tmp_path / "cgroup" / controller / "ours").mkdir(parents=True)
    own = tmp_path / "self"
    own.write_text("4:memory:/ours\n3:pids:/ours\n1:cpu:/\n0::/\n")
    return tmp_path / "cgroup", own


def test_a_hierarchy_that_is_not_mounted_is_named(tmp_path: Path) -> None:
    found = Cgroups.find(*a_v1_machine(tmp_path))

    assert found.why_not["cpu"] == "not mounted"


def test_limits_are_written_in_the_words_of_each_generation(tmp_path: Path) -> None:
    groups = Cgroups({"memory": tmp_path, "pids": tmp_path, "cpu": tmp_path}, is_v2=True)

    group = groups.make(memory_bytes=7 << 20, processes=9, cores=1.5)

    written = {file.name: file.read_text() for file in group.folders[0].iterdir()}
    assert len(group.folders) == 1
    assert written == {
        "memory.max": str(7 << 20),
        "memory.swap.max": "0",
        "pids.max": "9",
        "cpu.max": "150000 100000",
    }


def test_empty_groups_of_the_dead_are_swept_and_of_the_living_are_not(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    ours = f"wistro-{os.getpid()}-7"
    for name in (f"wistro-{dead.pid}-1", f"wistro-{dead.pid}-probe", ours, "another"):
        (tmp_path / name).mkdir()

    Cgroups({"memory": tmp_path}).sweep()

    assert {folder.name for folder in tmp_path.iterdir()} == {"another", ours}


def test_what_is_left_in_a_dead_ones_group_is_ended(tmp_path: Path) -> None:
    dead, left = subprocess.Popen(["true"]), subprocess.Popen(["sleep", "60"])
    dead.wait()
    group = tmp_path / f"wistro-{dead.pid}-1"
    group.mkdir()
    (group / "cgroup.procs").write_text(f"{left.pid}\n")

    Cgroups({"memory": tmp_path}).sweep()

    assert left.wait(10) == -signal.SIGKILL
