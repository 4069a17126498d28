"""One launch worked out: bwrap's arguments, the stub's orders, and which descriptor goes where."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import wistro
from runner.sandbox import interpreters, network, root, seccomp
from runner.sandbox.cgroups import Group
from runner.sandbox.layers import FLAGS, NAMESPACES, Layers, memory_file, rlimits
from runner.sandbox.limits import Limits
from runner.sandbox.network import Admission, Network
from wistro.hosts.port import Bind, Launch

_HERE = Path(__file__).parent
_STUB_AT = Path("/.wistro/stub.py")
_PRELOAD_AT = Path("/.wistro/preload")
_HOSTS_CODE = Path(wistro.__file__).parent / "languages"
_PYTHON = Path(os.path.realpath(sys.executable))
_LOWEST_TEMPORARY = 200
# A shell is the one program everywhere that can enter its groups before it becomes another.
_ENTER = (
    'n=$1; shift; while [ $n -gt 0 ]; do echo 0 > "$1/cgroup.procs" || exit 125; '
    'shift; n=$((n-1)); done; exec "$@"'
)


@dataclass(frozen=True)
class Plan:
    """`spawn` may be called once; it leaves no descriptor open here."""

    launch: Launch
    network: Network
    limits: Limits
    layers: Layers

    def admission(self) -> Admission:
        """What the proxy outside is told; raises EgressUnreadable."""
        only = None if self.network.only is None else list(self.network.only)
        return Admission(
            self.launch.label,
            forwards=network.forwards(self.launch.egress),
            only=only,
            exempt=list(self.network.exempt),
        )

    def spawn(self, group: Group | None, *, handoff: int | None, info: int) -> int:
        """Start it and return bwrap's pid, which ends as the host ends."""
        with contextlib.ExitStack() as opened:

            def keep(descriptor: int) -> int:
                opened.callback(os.close, descriptor)
                return descriptor

            child_fds = self._standard(keep) | self.launch.fds
            free = iter(range(max(child_fds) + 1, max(child_fds) + 40))
            inherited: dict[int, int] = dict(child_fds)

            def give(descriptor: int) -> int:
                number = next(free)
                inherited[number] = descriptor
                return number

            def data(name: str, content: bytes) -> int:
                return give(keep(memory_file(name, content)))

            handoff_number = None if handoff is None else give(handoff)
            orders = data("orders", json.dumps(self._orders(child_fds, handoff_number)).encode())
            arguments = self._bwrap(data, info=give(info))
            arguments_number = data("arguments", "\0".join([*arguments, ""]).encode())
            stub = [str(_PYTHON), "-I", "-S", str(_STUB_AT), str(orders)]
            command = [str(self.layers.bwrap), "--args", str(arguments_number), "--", *stub]
            return _posix_spawn(_entering(group, command), inherited, keep)

    def _standard(self, keep) -> dict[int, int]:
        """/dev/null for those of 0-2 that the caller left out."""
        missing = [number for number in range(3) if number not in self.launch.fds]
        return {number: keep(os.open(os.devnull, os.O_RDWR)) for number in missing}

    def _orders(self, child_fds: dict[int, int], handoff: int | None) -> dict[str, object]:
        admission = self.admission()
        listen = [("127.0.0.1", network.PROXY_PORT)]
        listen += [(forward.ip, forward.port) for forward in admission.forwards]
        writable = [str(bind.at) for bind in self.launch.binds if bind.writable]
        return {
            "argv": self.launch.argv,
            "env": self._environment(),
            "keep": sorted(child_fds),
            "handoff": handoff,
            "listen": listen if handoff is not None else [],
            "landlock": max(0, self.layers.landlock_abi),
            "writable": ["/tmp", "/dev", *writable],
            "rlimits": rlimits(
                self.layers,
                memory_bytes=self.limits.memory_bytes,
                processes=self.limits.processes,
                file_bytes=self.limits.file_bytes,
                files=self.limits.files,
            ),
        }

    def _environment(self) -> dict[str, str]:
        """The launch's own variables over our defaults; a later NODE_OPTIONS never drops our preload."""
        given = {
            name: value
            for name, value in self.launch.env.items()
            if name not in ("HOME", "TMPDIR") or self._may_write(Path(value))
        }
        env = {"HOME": "/tmp", "TMPDIR": "/tmp", "PATH": "/usr/local/bin:/usr/bin:/bin"}
        if self.network.is_on:
            env |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), network.PROXY)
            env |= dict.fromkeys(("http_proxy", "https_proxy"), network.PROXY)
            env |= dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1")
            options = f"--require {_PRELOAD_AT}/proxy.cjs {given.get('NODE_OPTIONS', '')}"
            given["NODE_OPTIONS"] = options.strip()
        return env | given

    def _may_write(self, path: Path) -> bool:
        """An engine passes its own HOME on; inside, only a writable bind can be one."""
        binds = [bind for bind in self.launch.binds if bind.writable]
        return any(path.is_relative_to(bind.at) for bind in binds)

    def _bwrap(self, data, *, info: int) -> list[str]:
        layers = self.layers
        args = [flag for name in NAMESPACES if layers.has(name) for flag in FLAGS[name]]
        if layers.has("user"):
            args += ["--disable-userns"]
        args += [
            "--unshare-cgroup-try",
            "--new-session",
            "--die-with-parent",
            "--info-fd",
            str(info),
        ]
        # As root bwrap keeps every capability unless told; low egress ports need this one until the stub drops it.
        args += ["--cap-drop", "ALL", "--cap-add", "CAP_NET_BIND_SERVICE"]
        if layers.has("mount"):
            args += self._file_system(data)
        else:
            args += ["--dev-bind", "/", "/", "--tmpfs", "/.wistro"]
        args += ["--chdir", str(self.launch.cwd)]
        if layers.has("seccomp"):
            args += ["--seccomp", str(data("seccomp", seccomp.program()))]
        return args

    def _file_system(self, data) -> list[str]:
        binds = [
            Bind(_HERE / "stub.py", _STUB_AT),
            Bind(_HERE / "preload", _PRELOAD_AT),
            *(Bind(folder, folder) for folder in interpreters.folders(_PYTHON)),
            *(Bind(folder, folder) for folder in interpreters.folders(Path(self.launch.argv[0]))),
        ]
        if _HOSTS_CODE.is_dir():
            binds.append(Bind(_HOSTS_CODE, _HOSTS_CODE))
        given = {bind.at for bind in self.launch.binds}
        binds = [*(bind for bind in binds if bind.at not in given), *self.launch.binds]
        binds = [bind for bind in binds if not _is_there_already(bind)]
        if not root.covers(binds, self.launch.cwd):
            binds.append(Bind(self.launch.cwd, self.launch.cwd))
        args = root.arguments(
            binds, tmp_bytes=self.limits.tmp_bytes, new_proc=self.layers.has("pid")
        )
        files = {
            "passwd": root.PASSWD,
            "group": root.GROUP,
            "nsswitch.conf": root.NSSWITCH,
            "hosts": network.hosts_file(self.admission().forwards),
            "resolv.conf": b"",
        }
        for name, content in files.items():
            args += ["--perms", "0444", "--file", str(data(name, content)), f"/etc/{name}"]
        return [*args, "--remount-ro", "/"]


def _is_there_already(bind: Bind) -> bool:
    """/usr is in every sandbox, without its credentials; binding it again would bring those back."""
    return bind.source == bind.at and bind.at.is_relative_to("/usr") and not bind.writable


def _entering(group: Group | None, command: list[str]) -> list[str]:
    if group is None:
        return command
    folders = [str(folder) for folder in group.folders]
    return ["/bin/sh", "-c", _ENTER, "sh", str(len(folders)), *folders, *command]


def _posix_spawn(command: list[str], inherited: dict[int, int], keep) -> int:
    """vfork and exec with exactly these descriptors; sources are first moved out of the targets' way."""
    lowest = max(_LOWEST_TEMPORARY, max(inherited) + 1)
    moved = {
        target: keep(fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, lowest))
        for target, source in inherited.items()
    }
    actions = [(os.POSIX_SPAWN_DUP2, source, target) for target, source in moved.items()]
    defaults = [signal.SIGPIPE, signal.SIGINT, signal.SIGTERM]  # Python ignores the first
    return os.posix_spawn(
        command[0], command, {}, file_actions=actions, setsigmask=[], setsigdef=defaults
    )
