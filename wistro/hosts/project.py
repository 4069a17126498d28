"""What a deployment's hosts are told, and how many there may be."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from wistro.hosts.memory import half_of_the_machine
from wistro.protocol.frames import StepCode

PASSED_ON = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
)  # of our own environment; a project's variables come by Hello alone


def passed_on() -> dict[str, str]:
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Project:
    """One deployment. `steps`: language -> step's id -> where its code is. `environ`: the process's own environment."""

    root: Path
    steps: dict[str, dict[str, StepCode]]
    env: dict[str, str] = field(default_factory=dict)
    runtimes: dict[str, str] = field(default_factory=dict)
    egress: list[str] = field(default_factory=list)
    label: str = "host"
    environ: dict[str, str] = field(default_factory=passed_on)
    reads: tuple[Path, ...] = ()  # folders besides `root`


@dataclass(frozen=True)
class Sizes:
    """`hosts`: at most so many a language; `calls`: in flight in one of them. A failed start is not repeated for
    `backoff_s`, doubling up to the cap. One that holds more than `memory_bytes` is replaced."""

    hosts: int = field(default_factory=cores)
    calls: int = 64
    idle_s: float = 600.0
    cancel_grace_s: float = 2.0  # between a call's cancel and its host's retirement
    start_timeout_s: float = 20.0
    backoff_s: float = 0.25
    backoff_cap_s: float = 10.0
    stop_grace_s: float = 5.0
    memory_bytes: int = field(default_factory=half_of_the_machine)
