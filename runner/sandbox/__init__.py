"""Where tenants' code runs: `SandboxLauncher`, a Launcher over bubblewrap, seccomp, Landlock and control groups.

`launcher` (what is started how), `layers` (what this machine permits), `network` and `proxy` (the one way out).
"""

from runner.sandbox.egress import Egress
from runner.sandbox.launcher import SandboxLauncher
from runner.sandbox.layers import Mode, SandboxMissing, probe
from runner.sandbox.limits import Limits
from runner.sandbox.network import OFF, Network

__all__ = [
    "OFF",
    "Egress",
    "Limits",
    "Mode",
    "Network",
    "SandboxLauncher",
    "SandboxMissing",
    "probe",
]
