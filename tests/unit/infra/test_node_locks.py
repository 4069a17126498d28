"""Node's lock files install anywhere: whole for every platform, and naming no registry."""

import json
from pathlib import Path

import pytest

from infra.place import CHECKOUT

LOCKS = [
    path
    for path in (CHECKOUT / "package-lock.json", CHECKOUT / "frontend" / "package-lock.json")
    if path.exists()
]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.parent.name)
def test_a_lock_names_no_registry(path: Path):
    for name, package in json.loads(path.read_text())["packages"].items():
        assert "://" not in package.get("resolved", ""), name


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.parent.name)
def test_every_package_is_pinned_by_hash(path: Path):
    for name, package in json.loads(path.read_text())["packages"].items():
        if name.startswith("node_modules/") and not package.get("link"):
            assert package.get("integrity", "").startswith("sha512-"), name


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.parent.name)
def test_other_platforms_packages_are_in_the_lock_too(path: Path):
    """npm leaves out what its registry did not have when it locked; `npm ci` then refuses the lock."""
    packages = json.loads(path.read_text())["packages"]
    held = {name.rpartition("node_modules/")[2] for name in packages}

    missing = {
        wanted
        for package in packages.values()
        for wanted in package.get("optionalDependencies", {})
        if wanted not in held
    }

    assert not missing, "choose a version whose platforms' packages all exist, then lock again"
