"""`Launcher` over bubblewrap: a host process in namespaces of its own, filtered, limited, with one way out.

bwrap reads its arguments, the filter and the stub's orders from memory files, so nothing of a launch stands in argv or
in an environment outside; the host's environment is set by the stub, past the last program that we trust.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from runner.sandbox.cgroups import Group
from runner.sandbox.egress import Egress, EgressProxy
from runner.sandbox.layers import Layers, Mode, probe
from runner.sandbox.limits import Limits
from runner.sandbox.network import Network
from runner.sandbox.plan import Plan
from wistro.errors import UserError
from wistro.hosts.port import Launch, Launched, LaunchFailed

_KILL_WAIT_S = 5.0


@dataclass(frozen=True)
class _Running:
    group: Group | None
    info_fd: int  # bwrap writes {"child-pid": …} there: the sandbox's pid 1 as seen from outside


@dataclass
class SandboxLauncher:
    """Starts hosts in sandboxes; raises SandboxMissing when a required layer is off and not accepted by `mode`.

    A sandbox dies with the process that launched it: bwrap asks the kernel for that, and the kernel counts from the
    *thread* that spawned, so one thread of ours does all the spawning and lives as long as we do.
    """

    mode: Mode = field(default_factory=Mode)
    limits: Limits = field(default_factory=Limits)
    egress: Egress = field(default_factory=Egress)
    layers: Layers = field(default_factory=probe)
    network: Network = field(default_factory=Network)

    def __post_init__(self) -> None:
        self.layers.check(self.mode)
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="sandbox-spawner")
        self._proxy = EgressProxy(self.egress)
        self._running_by_pid: dict[int, _Running] = {}
        self._lock = threading.Lock()

    def report(self) -> dict[str, str]:
        """Layer -> `on` or why not; for Registration.sandbox."""
        return self.layers.report()

    def launch(
        self, launch: Launch, *, network: Network | None = None, limits: Limits | None = None
    ) -> Launched:
        plan = Plan(launch, network or self.network, limits or self.limits, self.layers)
        try:
            return self._spawner.submit(self._spawn, plan).result()
        except UserError as problem:
            raise LaunchFailed(problem.message) from problem
        except OSError as problem:
            raise LaunchFailed(f"{launch.label}: {problem}") from problem

    def kill(self, launched: Launched) -> None:
        with self._lock:
            running = self._running_by_pid.pop(launched.pid, None)
        if running is None:
            return
        first = _first_process(launched.pid, running.info_fd)
        _kill_and_wait([first, launched.pidfd])
        with contextlib.suppress(ChildProcessError):
            os.waitpid(launched.pid, 0)
        if first >= 0:
            os.close(first)
        os.close(running.info_fd)
        if running.group is not None:
            running.group.kill()
            running.group.remove()

    def close(self) -> None:
        """End the proxy and the spawning thread; the kernel then kills the sandboxes that still run."""
        self._proxy.close()
        self._spawner.shutdown(wait=True)

    def _spawn(self, plan: Plan) -> Launched:
        admission = plan.admission()
        group = self._group(plan.limits)
        info_read, info_write = os.pipe()
        handoff = self._proxy.handoff() if plan.network.is_on else None
        try:
            pid = plan.spawn(group, handoff=handoff and handoff.inner, info=info_write)
        except OSError:
            os.close(info_read)
            if group is not None:
                group.remove()
            raise
        else:
            launched = Launched(pid, os.pidfd_open(pid))
            with self._lock:
                self._running_by_pid[pid] = _Running(group, info_read)
            try:
                if handoff is not None:
                    handoff.admit(admission, launched.pidfd)
            except OSError:  # the proxy has just died: the next launch starts another
                self.kill(launched)
                os.close(launched.pidfd)
                raise
            return launched
        finally:
            os.close(info_write)
            if handoff is not None:
                handoff.close()

    def _group(self, limits: Limits) -> Group | None:
        if not self.layers.cgroups.parent_by_controller:
            return None
        return self.layers.cgroups.make(
            memory_bytes=limits.memory_bytes, processes=limits.processes, cores=limits.cores
        )


def _first_process(bwrap_pid: int, info_fd: int) -> int:
    """A pidfd of the sandbox's pid 1, whose death ends every process inside; -1 when it is gone already."""
    if not select.select([info_fd], [], [], _KILL_WAIT_S)[0]:
        return -1
    text = os.read(info_fd, 4096)
    if not text:
        return -1
    try:
        pid = json.loads(text)["child-pid"]
        pidfd = os.pidfd_open(pid)
    except (ProcessLookupError, ValueError, KeyError):
        return -1
    if _parent(pid) == bwrap_pid:  # else the number was given to another process meanwhile
        return pidfd
    os.close(pidfd)
    return -1


def _parent(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(stat.rpartition(")")[2].split()[1])


def _kill_and_wait(pidfds: list[int]) -> None:
    alive = [pidfd for pidfd in pidfds if pidfd >= 0]
    for pidfd in alive:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    for pidfd in alive:
        select.select([pidfd], [], [], _KILL_WAIT_S)
