from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from runner.builder import tree
from runner.builder.problems import SourceDiffers, TooLarge, UnsafeFile
from wistro.protocol.bundle import BundledFile


def entry(path: str, *, mode: str = "644", content: bytes = b"x") -> BundledFile:
    return BundledFile(path, mode, hashlib.sha256(content).hexdigest(), len(content))


def test_a_folder_comes_back_as_it_was(tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    (source / "src").mkdir(parents=True)
    copy.mkdir()
    (source / "src/a.step.py").write_text("a")
    (source / "run").write_text("#!/bin/sh\n")
    (source / "run").chmod(0o755)
    (source / "src/link").symlink_to("../run")

    found = tree.collect(source, keep=tree.project_part)
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    for name, content in found.path_by_sha256.items():
        (blobs / name).write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    tree.lay_out(found.files, copy, blob=lambda name: blobs / name)

    assert tree.collect(copy, keep=tree.project_part).files == found.files
    assert [(each.path, each.mode) for each in found.files] == [
        ("run", "755"),
        ("src/a.step.py", "644"),
        ("src/link", "link"),
    ]


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("src/a.step.py", True),
        (".env.example", True),
        (".github/workflows/x.yml", True),
        (".wistro/build/a.mjs", True),
        (".wistro/cache/described.json", False),
        (".git/config", False),
        ("packages/a/.git/config", False),
        ("node_modules/left-pad/index.js", False),
        ("src/__pycache__/a.pyc", False),
        (".venv/bin/python", False),
    ],
)
def test_what_tools_write_is_left_out(path: str, kept: bool) -> None:
    assert tree.project_part(path) is kept


@pytest.mark.parametrize(
    ("path", "target", "inside"),
    [
        ("a", "b", True),
        ("src/a", "../b", True),
        ("src/a", "../../b", False),
        ("a", "..", False),
        ("a", "/etc/passwd", False),
        ("a", "src/../../b", False),
        ("a", "", False),
        ("a/b/c", "./../../d", True),
    ],
)
def test_a_link_has_to_stay_inside(path: str, target: str, inside: bool) -> None:
    assert tree.stays_inside(path, target) is inside


def test_a_link_out_and_a_pipe_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/etc/passwd")
    with pytest.raises(UnsafeFile, match="/etc/passwd"):
        tree.collect(tmp_path, keep=tree.everything)
    (tmp_path / "out").unlink()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnsafeFile, match="pipe"):
        tree.collect(tmp_path, keep=tree.everything)


def test_a_folder_that_is_a_link_is_not_entered(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/file").write_text("x")
    (tmp_path / "alias").symlink_to("real")

    found = tree.collect(tmp_path, keep=tree.everything)

    assert [each.path for each in found.files] == ["alias", "real/file"]


def test_too_much_is_refused(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / str(number)).write_bytes(b"x" * 100)

    with pytest.raises(TooLarge):
        tree.collect(tmp_path, keep=tree.everything, most_bytes=400)
    with pytest.raises(TooLarge):
        tree.collect(tmp_path, keep=tree.everything, most_files=4)


@pytest.mark.parametrize(
    "files",
    [
        [entry("../a")],
        [entry("/a")],
        [entry("a//b")],
        [entry("a/./b")],
        [entry("")],
        [entry(".git/hooks/post-checkout")],
        [entry("a\0b")],
        [entry("a"), entry("a")],
        [entry("a", mode="777")],
        [entry("src", mode="link", content=b"/etc"), entry("src/a")],
    ],
)
def test_a_list_that_no_folder_could_give_is_refused(files: list[BundledFile]) -> None:
    with pytest.raises(SourceDiffers):
        tree.check(files)


def test_an_uploaded_link_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blob").write_text("../../etc")
    (tmp_path / "root").mkdir()

    with pytest.raises(UnsafeFile):
        tree.lay_out([entry("a", mode="link")], tmp_path / "root", blob=lambda _: tmp_path / "blob")
