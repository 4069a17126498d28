"""A folder as a Bundle and back. What tenants' code left in it is read without following a link of theirs."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runner.builder.problems import SourceDiffers, TooLarge, UnsafeFile
from wistro.protocol.bundle import BundledFile, stays_inside

_CHUNK = 1 << 20
MOST_FILES = 100_000
MOST_BYTES = 1 << 30
# Written by tools, never by people; `.wistro/build` is the one part of `.wistro` that a version needs.
_LEFT_OUT = {".git", ".hg", ".venv", "node_modules", "__pycache__", ".wistro"}
KEPT_OF_OURS = ".wistro/build"


@dataclass
class Tree:
    """Files of a bundle, and where the content of each lies on this disk (or is, for a link)."""

    files: list[BundledFile] = field(default_factory=list)
    path_by_sha256: dict[str, Path | bytes] = field(default_factory=dict)


def project_part(path: str) -> bool:
    """Does a project's file or folder belong in its bundle?"""
    if path == ".wistro" or path == KEPT_OF_OURS or path.startswith(f"{KEPT_OF_OURS}/"):
        return True
    return not set(path.split("/")) & _LEFT_OUT


def everything(path: str) -> bool:
    return "__pycache__" not in path.split("/")


def collect(
    root: Path,
    *,
    keep: Callable[[str], bool],
    most_bytes: int = MOST_BYTES,
    most_files: int = MOST_FILES,
) -> Tree:
    """List and hash what is kept; raises UnsafeFile or TooLarge. Nobody may be writing below `root` meanwhile."""
    tree = Tree()
    size = 0
    for path in _walk(root, keep):
        entry, content = _read(root, path)
        size += entry.size
        tree.files.append(entry)
        tree.path_by_sha256[entry.sha256] = content
        if size > most_bytes or len(tree.files) > most_files:
            raise TooLarge(f"more than {most_bytes >> 20} MiB or {most_files:,} files")
    return tree


def _walk(root: Path, keep: Callable[[str], bool]) -> Iterator[str]:
    """Kept paths in order; a folder that is a link is an entry, not a way."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(root / folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if keep(path):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                else:
                    yield path


def _read(root: Path, path: str) -> tuple[BundledFile, Path | bytes]:
    full = root / path
    found = full.lstat()
    if stat.S_ISLNK(found.st_mode):
        # A Path would tidy what the link really says.
        target = os.readlink(full)  # noqa: PTH115
        if not stays_inside(path, target):
            raise UnsafeFile(f"`{path}` links to `{target}`, outside of the project", where=path)
        content = target.encode()
        return BundledFile(path, "link", hashlib.sha256(content).hexdigest(), len(content)), content
    if not stat.S_ISREG(found.st_mode):
        raise UnsafeFile(f"`{path}` is neither a file nor a link", where=path)
    mode = "755" if found.st_mode & stat.S_IXUSR else "644"
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(full, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return BundledFile(path, mode, digest.hexdigest(), size), full


def check(files: Iterable[BundledFile]) -> list[BundledFile]:
    """A bundle's files, links last; raises SourceDiffers for a path that could not have come from a folder."""
    links = {entry.path for entry in files if entry.mode == "link"}
    seen: set[str] = set()
    for entry in files:
        parts = entry.path.split("/")
        if any(part in ("", ".", "..", ".git") or "\0" in part for part in parts):
            raise SourceDiffers(f"`{entry.path}` is no path of a file", where=entry.path)
        parents = {"/".join(parts[:length]) for length in range(1, len(parts))}
        if entry.path in seen or parents & links or entry.mode not in ("644", "755", "link"):
            raise SourceDiffers(f"`{entry.path}` clashes with another entry", where=entry.path)
        seen.add(entry.path)
    return sorted(files, key=lambda entry: (entry.mode == "link", entry.path))


def lay_out(files: Iterable[BundledFile], root: Path, *, blob: Callable[[str], Path]) -> None:
    """Write a bundle's files below an empty folder from blobs on this disk."""
    for entry in check(list(files)):
        target = root / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.mode == "link":
            text = blob(entry.sha256).read_text()
            if not stays_inside(entry.path, text):
                raise UnsafeFile(f"`{entry.path}` links outside of the project", where=entry.path)
            target.symlink_to(text)
        else:
            shutil.copyfile(blob(entry.sha256), target)
            target.chmod(0o755 if entry.mode == "755" else 0o644)
