"""Control groups, both generations: a folder a host, with limits on memory, processes and processor time.

Where they may not be written (an ordinary user without delegation) `why_not` says so and rlimits stand in.
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
CONTROLLERS = ("memory", "pids", "cpu")
_PERIOD_US = 100_000
_PREFIX = "wistro-"


@dataclass(frozen=True)
class Group:
    """One host's folders, one per hierarchy; a process enters by writing 0 to `cgroup.procs` of each."""

    folders: tuple[Path, ...]

    def kill(self) -> None:
        """End every process in it, also one that nothing else can find any more."""
        for folder in self.folders:
            with contextlib.suppress(OSError):
                for pid in (folder / "cgroup.procs").read_text().split():
                    os.kill(int(pid), signal.SIGKILL)

    def remove(self) -> None:
        """Forget an empty group; one whose processes are still ending is left to the next sweep."""
        for folder in self.folders:
            with contextlib.suppress(OSError):
                folder.rmdir()


@dataclass
class Cgroups:
    """The hierarchies that this process may write to, by controller; `why_not` names the others."""

    parent_by_controller: dict[str, Path] = field(default_factory=dict)
    is_v2: bool = False
    why_not: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    @classmethod
    def find(cls, root: Path = ROOT, own: Path = Path("/proc/self/cgroup")) -> Cgroups:
        found = cls(is_v2=(root / "cgroup.controllers").exists())
        place_by_controller = _places(own)
        for controller in CONTROLLERS:
            mount = root if found.is_v2 else root / controller
            place = place_by_controller.get("" if found.is_v2 else controller)
            reason = _try(mount, place, controller, is_v2=found.is_v2)
            if reason is None and place is not None:
                found.parent_by_controller[controller] = mount / place
            else:
                found.why_not[controller] = reason or "not mounted"
        found.sweep()
        return found

    def make(self, *, memory_bytes: int, processes: int, cores: float) -> Group:
        self._count += 1
        name = f"{_PREFIX}{os.getpid()}-{self._count}"
        parents = dict.fromkeys(self.parent_by_controller.values())
        group = Group(tuple(parent / name for parent in parents))
        for folder in group.folders:
            folder.mkdir()
        for controller, parent in self.parent_by_controller.items():
            limit = {"memory": memory_bytes, "pids": processes, "cpu": int(cores * _PERIOD_US)}
            for file, value in self._settings(controller, limit[controller]).items():
                with contextlib.suppress(FileNotFoundError):  # swap accounting may be compiled out
                    (parent / name / file).write_text(value)
        return group

    def sweep(self) -> None:
        """Remove the groups that a killed process left behind, and what is still in them.

        A sandbox dies with its launcher; one that was being made when the launcher was killed may not (bwrap's child
        asks for that only after its parent has set it up). A living process's groups are left: it may have made one
        just now, for a host that has not entered it yet.
        """
        for parent in set(self.parent_by_controller.values()):
            for folder in parent.glob(f"{_PREFIX}*"):
                maker = folder.name.removeprefix(_PREFIX).partition("-")[0]
                if not Path("/proc", maker).exists():
                    left = Group((folder,))
                    left.kill()
                    left.remove()

    def _settings(self, controller: str, value: int) -> dict[str, str]:
        if controller == "pids":
            return {"pids.max": str(value)}
        if controller == "memory":
            if self.is_v2:
                return {"memory.max": str(value), "memory.swap.max": "0"}
            return {"memory.limit_in_bytes": str(value), "memory.memsw.limit_in_bytes": str(value)}
        if self.is_v2:
            return {"cpu.max": f"{value} {_PERIOD_US}"}
        return {"cpu.cfs_period_us": str(_PERIOD_US), "cpu.cfs_quota_us": str(value)}


def _places(own: Path) -> dict[str, str]:
    """Controller ("" for the unified hierarchy) -> our own group's path under its mount."""
    places = {}
    with contextlib.suppress(OSError):
        for line in own.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            places |= dict.fromkeys(controllers.split(","), path.lstrip("/"))
    return places


def _try(mount: Path, place: str | None, controller: str, *, is_v2: bool) -> str | None:
    """Make a group and take it away again; the reason when that is refused."""
    if place is None or not (mount / place).is_dir():
        return "not mounted"
    folder = mount / place / f"{_PREFIX}{os.getpid()}-probe"
    try:
        folder.mkdir()
    except OSError as problem:
        return problem.strerror or "refused"
    try:
        if is_v2 and controller not in (folder / "cgroup.controllers").read_text().split():
            return "not delegated to this group"
        with (folder / "cgroup.procs").open("w"):
            return None
    except OSError as problem:
        return problem.strerror or "refused"
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()
