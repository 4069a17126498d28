"""Which files of a folder are sent."""

from __future__ import annotations

import os
import subprocess

import pytest

from wistro.hub_client import tree
from wistro.hub_client.tree import FolderTooLarge, NothingToSend, UnsendableFile

FILES = {
    ".gitignore": "*.log\n/private/\n",
    "wistro.yml": "name: shop",
    "src/größe.step.py": "a",
    "src/__pycache__/a.pyc": "b",
    "node_modules/x.js": "c",
    ".venv/bin/python": "d",
    ".wistro/build/x.mjs": "e",
    ".env": "f",
    ".env.local": "g",
    ".env.example": "h",
    "src/.env": "i",
    "a.log": "j",
    "private/notes": "k",
}
SENT = [".env.example", ".gitignore", "src/größe.step.py", "wistro.yml"]


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, FILES)
    return tmp_path


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def git(root, *arguments):
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


def paths(root):
    return sorted(one.path for one in tree.collect(root).files)


def test_a_checkout_sends_what_git_would_commit(folder):
    git(folder, "init")

    assert paths(folder) == SENT


def test_a_folder_outside_of_git_heeds_gitignore_too(folder):
    assert paths(folder) == SENT
    assert not (folder / ".git").exists()


def test_without_git_everything_but_what_tools_make_is_sent(folder, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    collected = tree.collect(folder)

    assert sorted(one.path for one in collected.files) == sorted([*SENT, "a.log", "private/notes"])
    assert collected.is_git_missing


def test_a_part_of_a_checkout_is_sent_as_its_own_folder(tmp_path):
    git(tmp_path, "init")
    write(tmp_path, {".gitignore": "*.log\n", "shop/src/a.py": "a", "shop/b.log": "b", "c": "c"})

    assert paths(tmp_path / "shop") == ["src/a.py"]


def test_a_tracked_file_that_was_deleted_is_left_out(folder):
    git(folder, "init")
    git(folder, "add", ".")
    (folder / "wistro.yml").unlink()

    assert "wistro.yml" not in paths(folder)


def test_a_tracked_env_file_is_still_not_sent(folder):
    git(folder, "init")
    git(folder, "add", "--force", ".env")

    assert ".env" not in paths(folder)


def test_the_lock_is_sent_even_when_ignored(folder):
    write(folder, {".gitignore": "*.lock\n", "wistro.yml.lock": "lock: 1"})

    assert "wistro.yml.lock" in paths(folder)


def test_a_repository_within_is_sent_with_its_own_rules(folder):
    git(folder, "init")
    write(folder, {"lib/.gitignore": "*.tmp\n", "lib/a.py": "a", "lib/b.tmp": "b"})
    git(folder / "lib", "init")

    assert [one for one in paths(folder) if one.startswith("lib/")] == [
        "lib/.gitignore",
        "lib/a.py",
    ]


def test_modes_links_and_contents_are_kept(folder):
    write(folder, {"run.sh": "x"})
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("src/größe.step.py")

    collected = tree.collect(folder)

    by_path = {one.path: one for one in collected.files}
    assert (by_path["run.sh"].mode, by_path["wistro.yml"].mode) == ("755", "644")
    assert by_path["link"].mode == "link"
    assert collected.content_by_sha256[by_path["link"].sha256] == "src/größe.step.py".encode()


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "src/../../outside"])
def test_a_link_out_of_the_folder_is_refused(folder, target):
    (folder / "link").symlink_to(target)

    with pytest.raises(UnsendableFile, match="outside"):
        tree.collect(folder)


def test_a_pipe_is_refused(folder, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")  # git lists no pipes
    os.mkfifo(folder / "pipe")

    with pytest.raises(UnsendableFile, match="neither"):
        tree.collect(folder)


def test_a_name_that_is_no_text_is_refused(folder):
    (folder / os.fsdecode(b"odd\xff")).write_text("x")

    with pytest.raises(UnsendableFile, match="UTF-8"):
        tree.collect(folder)


def test_too_much_is_refused(folder, monkeypatch):
    monkeypatch.setattr(tree, "MOST_FILES", 3)

    with pytest.raises(FolderTooLarge):
        tree.collect(folder)


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(NothingToSend):
        tree.collect(tmp_path)
