"""A template's files carry the name of the folder that they are written to."""

import json
from pathlib import Path

import pytest

from wistro.cli.init import TEMPLATES, write


@pytest.mark.parametrize("template", sorted(one.name for one in TEMPLATES.iterdir()))
def test_no_file_says_the_templates_own_name(tmp_path: Path, template: str):
    folder = tmp_path / "My Shop"
    folder.mkdir()

    write(folder, template)

    assert "name: my-shop\n" in (folder / "wistro.yml").read_text()
    for file in folder.glob("*.json"):
        assert '"name": "hello"' not in file.read_text()


def test_the_package_and_its_lock_have_one_name(tmp_path: Path):
    write(tmp_path, "typescript")

    package = json.loads((tmp_path / "package.json").read_text())
    lock = json.loads((tmp_path / "package-lock.json").read_text())

    assert package["name"] == lock["name"] == lock["packages"][""]["name"] != "hello"
