"""From a process's settings to its launcher: the sandbox unless `WISTRO_SANDBOX=off` says otherwise."""

from __future__ import annotations

from urllib.parse import urlsplit

from runner.sandbox.egress import Egress
from runner.sandbox.launcher import SandboxLauncher
from runner.sandbox.layers import Mode, SandboxMissing
from runner.sandbox.limits import Limits
from runner.settings import Settings
from wistro.hosts.plain import PlainLauncher

_PORTS = {"https": 443, "http": 80}


def launcher(
    settings: Settings, *, limits: Limits | None = None
) -> SandboxLauncher | PlainLauncher:
    """Raises SandboxMissing where a layer is neither here nor given up by name, or given up for untrusted code."""
    mode = Mode.read(settings.sandbox)
    if settings.untrusted and (mode.is_off or mode.degraded):
        raise SandboxMissing(
            f"WISTRO_UNTRUSTED asks for the whole sandbox, WISTRO_SANDBOX says `{settings.sandbox}`"
        )
    if mode.is_off:
        return PlainLauncher()
    return SandboxLauncher(mode=mode, limits=limits or Limits(), egress=egress(settings))


def report(launcher: SandboxLauncher | PlainLauncher) -> dict[str, str]:
    """Layer -> `on` or why not, for Registration.sandbox and the screen."""
    if isinstance(launcher, SandboxLauncher):
        return launcher.report()
    return {"sandbox": "off, as WISTRO_SANDBOX asks"}


def egress(settings: Settings) -> Egress:
    """Trusted networks, and the Hub's own places, which stay closed inside them too."""
    hub = [_place(settings.machines_url), "{}:{}".format(*settings.gateway_address)]
    return Egress(trusted_networks=settings.trusted_networks, hub=tuple(hub))


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or _PORTS.get(parts.scheme, 80)}"
