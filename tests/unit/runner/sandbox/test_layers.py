from __future__ import annotations

from pathlib import Path

import pytest

from runner.sandbox.cgroups import Cgroups
from runner.sandbox.layers import Layers, Mode, SandboxMissing, SandboxModeUnknown


def layers(**off: str) -> Layers:
    return Layers(Path("/bwrap"), off, landlock_abi=0, cgroups=Cgroups())


@pytest.mark.parametrize("layer", ["user", "pid", "mount", "network", "seccomp"])
def test_a_missing_required_layer_refuses_to_start_and_is_named(layer: str) -> None:
    with pytest.raises(SandboxMissing, match=f"{layer}: not permitted"):
        layers(**{layer: "not permitted"}).check(Mode())


@pytest.mark.parametrize("layer", ["ipc", "uts", "landlock", "memory", "pids", "cpu"])
def test_an_optional_layer_may_be_missing(layer: str) -> None:
    layers(**{layer: "not permitted"}).check(Mode())


def test_a_missing_layer_may_be_accepted_by_its_name_alone() -> None:
    here = layers(user="refused", network="refused")

    here.check(Mode.read("degraded:user,network"))
    with pytest.raises(SandboxMissing, match="network"):
        here.check(Mode.read("degraded:user"))


def test_the_report_says_on_or_why_not_for_every_layer() -> None:
    report = layers(landlock="this kernel has none").report()

    assert report["landlock"] == "this kernel has none"
    assert {report[layer] for layer in report if layer != "landlock"} == {"on"}
    assert set(report) >= {"user", "pid", "mount", "network", "seccomp", "memory", "rlimits"}


@pytest.mark.parametrize(
    "text", ["degraded", "degraded:", "degraded:landlock", "none", "off:user", "required:user"]
)
def test_a_mode_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(SandboxModeUnknown):
        Mode.read(text)


def test_required_is_what_is_meant_when_nothing_is_said() -> None:
    assert Mode.read("") == Mode.read("required") == Mode()
    assert Mode.read("off").is_off
