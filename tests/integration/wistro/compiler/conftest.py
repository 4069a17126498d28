"""One installation of Node packages and esbuild for all tests here, linked into each project."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from wistro.languages.node import tools


@pytest.fixture(scope="session")
def node_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with node_modules (zod 4 as zod, zod 3 as zod3) and .wistro/tools."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(Path(__file__).parent / "zods" / name, folder / name)
    subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=folder,
        check=True,
        timeout=110,
        capture_output=True,
    )
    tools.esbuild(folder)
    return folder


@pytest.fixture
def project(tmp_path: Path, node_packages: Path) -> Path:
    """An empty project that has the packages."""
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / ".wistro").mkdir()
    (root / "node_modules").symlink_to(node_packages / "node_modules")
    (root / ".wistro" / "tools").symlink_to(node_packages / ".wistro" / "tools")
    return root
