"""The Go of this repository: formatted, vetted, and its own tests; and the guide's steps compile."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from infra.place import CHECKOUT
from tests.integration.wistro.compiler.test_go import GO_MOD, laid
from wistro.compiler import compile_project
from wistro.languages.go import modules, toolchain

pytestmark = pytest.mark.timeout(300)  # Go compiles its standard library once a machine
GUIDE = CHECKOUT / "docs" / "guides" / "write-a-step-in-go.md"
SOURCES = (
    modules.SDK,
    CHECKOUT / "wistro" / "cli" / "templates" / "go",
    CHECKOUT / "tests" / "conformance" / "languages" / "projects" / "go",
)


def run(*arguments: str, cwd: Path = CHECKOUT) -> str:
    done = subprocess.run(
        arguments,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env=toolchain.environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def go() -> Path:
    return toolchain.find(CHECKOUT, None, "")


def test_every_file_is_formatted(go: Path) -> None:
    assert run(str(go.with_name("gofmt")), "-l", *map(str, SOURCES)) == ""


def test_sdk_is_vetted_and_passes_its_own_tests(go: Path) -> None:
    run(str(go), "vet", "./...", cwd=modules.SDK)

    assert "FAIL" not in run(str(go), "test", "./...", cwd=modules.SDK)


def test_sdk_needs_the_standard_library_alone(go: Path) -> None:
    wanted = "{{if not .Standard}}{{.ImportPath}}{{end}}"
    imported = run(str(go), "list", "-deps", "-f", wanted, "./...", cwd=modules.SDK).split()

    assert [one for one in imported if not one.startswith(modules.SDK_MODULE)] == []


def test_steps_of_the_guide_compile(tmp_path: Path) -> None:
    (step,) = re.findall(r"```go\n// (src/\S+)\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)

    compiled = compile_project(laid(tmp_path, {"go.mod": GO_MOD, step[0]: step[1]}))

    assert compiled.problems == []
    assert compiled.lock is not None
    assert sorted(compiled.lock.steps) == ["src/shipping/ship#Pay", "src/shipping/ship#Ship"]
