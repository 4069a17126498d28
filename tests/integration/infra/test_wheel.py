"""`pip install .` gives the framework and its command, without the Hub and without Django."""

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from infra.place import CHECKOUT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    folder: Path = tmp_path_factory.mktemp("wheel")
    argv = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    made = subprocess.run(
        [*argv, "--wheel-dir", str(folder), str(CHECKOUT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    (path,) = folder.glob("wistro-*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_framework_alone(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"wistro"}


def test_the_wheel_holds_what_each_language_runs(wheel):
    names = set(wheel.namelist())
    kept = [
        path
        for path in (CHECKOUT / "wistro" / "languages").rglob("*")
        if path.suffix in (".py", ".cjs", ".mjs", ".js")
    ]

    missing = {
        str(path.relative_to(CHECKOUT)) for path in kept if "node_modules" not in path.parts
    } - names

    assert not missing


def test_its_dependencies_are_without_django_and_drivers_of_the_hub(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    needed = Parser().parsestr(wheel.read(name).decode()).get_all("Requires-Dist") or []

    names = {
        need.split(">")[0].split(";")[0].strip().lower()
        for need in needed
        if "extra ==" not in need
    }

    assert "msgspec" in names
    assert not names & {"django", "psycopg", "celery", "redis", "channels"}


def test_it_brings_the_command(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))

    assert "wistro = wistro.cli:main" in wheel.read(name).decode()
