"""Hosts without a network: in a network namespace of their own where Linux permits it, else their sockets refuse."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from wistro.hosts.plain import PlainLauncher
from wistro.hosts.port import Launch, Launched, LaunchFailed
from wistro.languages import isolate

NAMESPACE, SOCKETS = "namespace", "sockets"
_ISOLATE = str(Path(isolate.__file__))
_NODE_OFFLINE = str(Path(isolate.__file__).parent / "node" / "describe_offline.cjs")
_ALONE = [sys.executable, "-I", "-S", _ISOLATE, "--namespace"]


def way_to_cut() -> str:
    """How hosts are cut off on this machine: `namespace`, or `sockets`, which native code gets around."""
    if not sys.platform.startswith("linux"):
        return SOCKETS
    tried = subprocess.run(_ALONE, capture_output=True, timeout=20, check=False)
    return NAMESPACE if tried.returncode == 0 else SOCKETS


class CutOff(PlainLauncher):
    def __init__(self, *, by: str) -> None:
        super().__init__()
        self._by = by

    def launch(self, launch: Launch) -> Launched:
        return super().launch(replace(launch, argv=self._argv(launch)))

    def _argv(self, launch: Launch) -> list[str]:
        if self._by == NAMESPACE:
            return [*_ALONE, *launch.argv]
        program, *rest = launch.argv
        if launch.label.endswith("-go"):
            raise LaunchFailed(
                "a Go program cannot be cut off the network here; replay with --network"
            )
        if launch.label.endswith("-node"):
            return [program, "--require", _NODE_OFFLINE, *rest]
        *flags, host = rest
        return [program, *flags, _ISOLATE, "--sockets", host]
