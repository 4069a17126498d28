"""What is exported is read by the specifications' own parsers."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from infra.place import CHECKOUT
from tests.factories.locks import a_lock_of_everything
from wistro.cli import run
from wistro.lock import asyncapi, file, openapi
from wistro.lock.model import Lock

LOCKS = {
    "golden": lambda: file.parse((CHECKOUT / "tests/golden/lock/project.lock").read_bytes()),
    "shop": lambda: file.read(CHECKOUT / "examples/shop" / file.NAME),
    "everything": a_lock_of_everything,
    "empty": lambda: Lock(lock=1, digest=""),
}


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with AsyncAPI's parser and the script that runs it."""
    folder = tmp_path_factory.mktemp("parser")
    for one in (Path(__file__).parent / "parser").iterdir():
        shutil.copyfile(one, folder / one.name)
    subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=folder,
        check=True,
        timeout=170,
        capture_output=True,
    )
    return folder


@pytest.mark.parametrize("name", LOCKS)
def test_openapi_holds_to_its_specification(name: str) -> None:
    lock = LOCKS[name]()

    document = openapi.document(lock, title=name, version="1.0.0", server="https://api.example.com")

    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    methods = [method for path in document["paths"].values() for method in path]
    assert len(methods) == len(lock.triggers.api) + len(lock.triggers.outside)


def test_asyncapi_holds_to_its_specification(parser: Path, tmp_path: Path) -> None:
    locks = {name: make() for name, make in LOCKS.items()}
    for name, lock in locks.items():
        document = asyncapi.document(lock, title=name, version="1.0.0")
        (tmp_path / name).write_text(json.dumps(document))

    said = subprocess.run(
        ["node", "check.mjs", *(str(tmp_path / name) for name in locks)],
        cwd=parser,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.splitlines()

    assert [json.loads(line) for line in said] == [
        {"channels": len(lock.topics), "wrong": []} for lock in locks.values()
    ]


def test_the_command_writes_json_and_yaml(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shop = str(CHECKOUT / "examples/shop")
    target = tmp_path / "api.yml"

    assert run(["export", "openapi", shop]) == 0
    printed = json.loads(capfd.readouterr().out)
    assert run(["export", "openapi", shop, "--format", "yaml", "-o", str(target)]) == 0

    assert yaml.safe_load(target.read_text()) == printed
    assert "endpoints as OpenAPI 3.1" in capfd.readouterr().err
