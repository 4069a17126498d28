"""`wistro install` and `wistro init` for Go: go.mod, the SDK, modules from a proxy, and the template's own tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.wistro.compiler import go_proxy
from wistro import cli
from wistro.cli.init import write
from wistro.compiler import compile_project
from wistro.languages.go import toolchain
from wistro.lock.model import Lock

pytestmark = pytest.mark.timeout(300)  # Go compiles its standard library once a machine
STEP = """package greetings

import (
	"example.com/greet"
	"wistro.dev/sdk"
)

var Greet = sdk.Cron(sdk.CronConfig{Name: "Greet", Cron: "* * * * *"}, func(ctx *sdk.Context) error {
	ctx.Logger.Info(greet.Hello("Ada"))
	return nil
})
"""


def locked(root: Path) -> Lock:
    compiled = compile_project(root)
    assert compiled.lock is not None, [(one.where, one.message) for one in compiled.problems]
    return compiled.lock


def go(root: Path, *arguments: str) -> str:
    program = toolchain.find(root, None, os.environ["PATH"])
    done = subprocess.run(
        [str(program), *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env=toolchain.environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another module cache, as on a machine that has none."""
    folder = go_proxy.lay(tmp_path / "proxy")
    monkeypatch.setenv("GOPROXY", f"file://{folder}")
    monkeypatch.setenv("GOSUMDB", "off")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("GOFLAGS", "-modcacherw")
    return folder


def test_template_installs_compiles_and_passes_its_own_tests(tmp_path: Path) -> None:
    root = tmp_path / "Tea House"
    write(root, "go")

    assert cli.run(["install", str(root)]) == 0
    lock = locked(root)

    assert sorted(lock.steps) == [
        "src/greetings/greet#Greet",
        "src/greetings/keep#Keep",
        "src/greetings/report#Report",
    ]
    assert (root / "go.mod").read_text().startswith("module tea-house\n")
    assert "ok" in go(root, "test", "./...")


def test_project_without_go_mod_gets_one(
    tmp_path: Path, proxy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    step = tmp_path / "shop" / "src" / "greetings" / "greet.step.go"
    step.parent.mkdir(parents=True)
    step.write_text(STEP)
    root = tmp_path / "shop"

    assert cli.run(["install", str(root)]) == 0
    lock = locked(root)

    assert "go.mod written" in capsys.readouterr().err
    assert f"{go_proxy.MODULE} {go_proxy.VERSION}" in (root / "go.mod").read_text()
    assert set(lock.dependencies["go"]) == {"go.mod", "go.sum"}
    before = {name: (root / name).read_bytes() for name in ("go.mod", "go.sum")}
    assert cli.run(["install", str(root)]) == 0
    assert {name: (root / name).read_bytes() for name in before} == before


def test_what_is_not_installed_says_how(tmp_path: Path, proxy: Path) -> None:
    root = tmp_path / "shop"
    write(root, "go")
    (root / "src" / "greetings" / "other.step.go").write_text(STEP)

    compiled = compile_project(root)

    said = [one for one in compiled.problems if go_proxy.MODULE in one.message]
    assert [one.where for one in said] == ["src/greetings/other.step.go:4"]
    assert "wistro install" in (said[0].hint or "")


def test_unreachable_proxy_is_named(
    tmp_path: Path,
    proxy: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GOPROXY", f"file://{tmp_path / 'nothing'}")
    root = tmp_path / "shop"
    write(root, "go")
    (root / "src" / "greetings" / "other.step.go").write_text(STEP)

    assert cli.run(["install", str(root)]) == 1

    assert "go mod tidy" in capsys.readouterr().err
