"""The launcher without a sandbox: a process of its own session, started by posix_spawn. Binds and egress do not apply."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import threading
from pathlib import Path

from wistro.hosts.port import Launch, Launched, LaunchFailed

_ABOVE_TARGETS = 64  # copies are made from here on, so that no target number overwrites a source


class PlainLauncher:
    """Starts processes as the engine's own user. `kill` reaches all that stayed in the process's session group."""

    def __init__(self) -> None:
        self._unreaped: set[int] = set()
        self._lock = threading.Lock()

    def launch(self, launch: Launch) -> Launched:
        """posix_spawn rather than fork: an engine of 500 MB would copy its page tables for each host."""
        program = Path(launch.argv[0])
        if not os.access(program, os.X_OK):
            raise LaunchFailed(f"{program} is not a program that can be run")
        copies = {
            target: fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, _ABOVE_TARGETS)
            for target, source in launch.fds.items()
        }
        try:
            pid = self._spawn(launch, copies)
        except OSError as error:
            raise LaunchFailed(f"{program}: {error.strerror}") from error
        finally:
            for copy in copies.values():
                os.close(copy)
        self._unreaped.add(pid)
        return Launched(pid, _pidfd(pid))

    def _spawn(self, launch: Launch, copies: dict[int, int]) -> int:
        # posix_spawn cannot change the folder; the shell does and is replaced.
        argv = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(launch.cwd), *launch.argv]
        actions = [(os.POSIX_SPAWN_DUP2, copy, target) for target, copy in copies.items()]
        options = {
            "file_actions": actions,
            "setsigmask": [],
            "setsigdef": [signal.SIGPIPE, signal.SIGINT, signal.SIGTERM],
        }
        try:
            return os.posix_spawn(argv[0], argv, launch.env, setsid=True, **options)
        except NotImplementedError:  # macOS before 10.15
            return os.posix_spawn(argv[0], argv, launch.env, setpgroup=0, **options)

    def kill(self, launched: Launched) -> None:
        """kill -9 of its whole group; then reap it. A pid that was reaped may be someone else's: left alone."""
        with self._lock:
            if launched.pid not in self._unreaped:
                return
            self._unreaped.discard(launched.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a zombie
            os.killpg(launched.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(launched.pid, 0)


def _pidfd(pid: int) -> int:
    return os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1
