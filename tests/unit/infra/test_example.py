"""The demo's packages: from PyPI and npm, some not ours, one another version of ours; so its builds install. And its lock."""

import json
import re

import pytest

from infra.place import CHECKOUT
from wistro.lock import file

SHOP = CHECKOUT / "examples" / "shop"


def pinned(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", text, re.MULTILINE))


def locked(path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for where, package in json.loads(path.read_text())["packages"].items():
        if "node_modules/" in where and "version" in package:
            found.setdefault(where.rpartition("node_modules/")[2], set()).add(package["version"])
    return found


@pytest.fixture
def its_python():
    return pinned((SHOP / "requirements.txt").read_text())


@pytest.fixture
def our_python():
    return pinned((CHECKOUT / "requirements" / "all.txt").read_text())


def test_it_needs_a_package_of_pypi_that_we_do_not_have(its_python, our_python):
    assert set(its_python) - set(our_python)


def test_it_needs_another_version_of_one_that_we_do(its_python, our_python):
    both = set(its_python) & set(our_python)

    assert any(its_python[name] != our_python[name] for name in both)


def test_it_needs_a_package_of_npm_that_we_do_not_have():
    ours = {
        name
        for lock in (
            CHECKOUT / "package-lock.json",
            CHECKOUT / "frontend" / "package-lock.json",
            CHECKOUT / "wistro" / "languages" / "node" / "tools" / "package-lock.json",
        )
        for name in locked(lock)
    }

    assert set(locked(SHOP / "package-lock.json")) - ours


def test_its_lock_is_of_what_its_package_file_asks_for():
    asked = json.loads((SHOP / "package.json").read_text())["dependencies"]
    lock = json.loads((SHOP / "package-lock.json").read_text())["packages"]

    assert lock[""]["dependencies"] == asked
    for name, version in asked.items():
        assert lock[f"node_modules/{name}"]["version"] == version
        assert lock[f"node_modules/{name}"]["integrity"].startswith("sha512-")


def test_its_lock_is_of_the_files_that_lie_there():
    lock = file.read(SHOP / file.NAME)

    file.verify(SHOP, lock)
    for manifests in lock.dependencies.values():
        for name, sha256 in manifests.items():
            assert sha256 == f"sha256:{file.content_sha256(SHOP / name)}", name
    assert {step.file for step in lock.steps.values()} == {
        path.relative_to(SHOP).as_posix() for path in SHOP.glob("src/**/*.step.*")
    }
