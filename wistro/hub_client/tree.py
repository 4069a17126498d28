"""A folder as a bundle: which of its files are sent, and what each is. The reading side is runner/builder/tree.py.

What git would commit (tracked, or new and not ignored) is sent; outside of a checkout the same `.gitignore` rules
hold. Never sent: what tools make, and `.env` files, whatever git says.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wistro.errors import UserError
from wistro.lock.file import NAME as LOCK_NAME
from wistro.protocol.bundle import BundledFile, stays_inside

MOST_FILES = 100_000
MOST_BYTES = 1 << 30
MOST_BYTES_A_FILE = 512 << 20
GIT_S = 60
_CHUNK = 1 << 20
_LEFT_OUT = {".git", ".hg", ".svn", ".venv", "node_modules", "__pycache__", ".wistro", ".DS_Store"}
_EXAMPLES = (".example", ".sample", ".template", ".dist")


class NothingToSend(UserError):
    """A folder in which every file is left out."""

    code = "deploy.no-files"
    hint = "Is this the project's folder, and is it not ignored by git?"


class UnsendableFile(UserError):
    """A file that a bundle cannot hold: a pipe, a link that leaves the folder, a name that is no text."""

    code = "deploy.file"
    hint = "Remove it, or add it to .gitignore."


class FolderTooLarge(UserError):
    """More than a version may hold."""

    code = "deploy.too-large"
    hint = "Add what the steps do not need to .gitignore; keep large files in a store of your own."


@dataclass
class Tree:
    """Files by path, and what each content's bytes are (or where): a link's target, or the file."""

    files: list[BundledFile] = field(default_factory=list)
    content_by_sha256: dict[str, bytes | Path] = field(default_factory=dict)
    size_by_sha256: dict[str, int] = field(default_factory=dict)
    is_git_missing: bool = False  # .gitignore could not be read


def collect(root: Path) -> Tree:
    """List and hash the folder. Raises NothingToSend, UnsendableFile, FolderTooLarge."""
    paths = _by_git(root)
    tree = Tree(is_git_missing=paths is None and (root / ".gitignore").exists())
    size = 0
    for path in sorted({*(_walked(root) if paths is None else paths), *_lock(root)}):
        if not is_sent(path):
            continue
        entry, content = _read(root, path)
        size += entry.size
        if size > MOST_BYTES or len(tree.files) == MOST_FILES:
            raise FolderTooLarge(
                f"the folder has over {MOST_BYTES >> 20} MiB or {MOST_FILES:,} files", where=path
            )
        tree.files.append(entry)
        tree.content_by_sha256[entry.sha256] = content
        tree.size_by_sha256[entry.sha256] = entry.size
    if not tree.files:
        raise NothingToSend(f"there is no file to send in {root}")
    return tree


def is_sent(path: str) -> bool:
    parts = path.split("/")
    return not set(parts) & _LEFT_OUT and not _is_secret(parts[-1])


def _is_secret(name: str) -> bool:
    """`.env` and `.env.local`; not `.env.example`, which is written to be shared."""
    return name == ".env" or (name.startswith(".env.") and not name.endswith(_EXAMPLES))


def _lock(root: Path) -> list[str]:
    return [LOCK_NAME] if (root / LOCK_NAME).is_file() else []


def _by_git(root: Path) -> list[str] | None:
    """What git would commit below `root`; None where git is not installed or fails."""
    listed = _git(root, {})
    if listed is None:
        # Not a checkout, or not one that git trusts: an empty repository elsewhere reads the same rules.
        with tempfile.TemporaryDirectory(prefix="wistro-") as elsewhere:
            if _run_git(["init", "--quiet", elsewhere], Path(elsewhere), {}) is None:
                return None
            outside = {"GIT_DIR": f"{elsewhere}/.git", "GIT_WORK_TREE": str(root)}
            listed = _git(root, outside)
    if listed is None:
        return None
    return [path for entry in listed for path in _expanded(root, entry)]


def _expanded(root: Path, entry: str) -> list[str]:
    """A file that is there; a repository within this one as its own files; nothing for a file deleted since."""
    entry = entry.rstrip("/")
    full = root / entry
    if full.is_symlink() or full.is_file():
        return [entry]
    if not full.is_dir():
        return [entry] if os.path.lexists(full) else []
    if not is_sent(entry):
        return []
    below = _by_git(full)
    return [f"{entry}/{path}" for path in (_walked(full) if below is None else below)]


def _git(root: Path, env: dict[str, str]) -> list[str] | None:
    asked = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    said = _run_git(asked, root, env)
    if said is None:
        return None
    return list(dict.fromkeys(os.fsdecode(one) for one in said.split(b"\0") if one))


def _run_git(arguments: list[str], root: Path, env: dict[str, str]) -> bytes | None:
    git = shutil.which("git")
    if git is None:
        return None
    own = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            [git, "-c", "core.fsmonitor=false", *arguments],  # a checkout may name a program there
            cwd=root,
            env=own | env,
            capture_output=True,
            timeout=GIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _walked(root: Path) -> Iterator[str]:
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(root / folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.name in _LEFT_OUT:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                else:
                    yield path


def _read(root: Path, path: str) -> tuple[BundledFile, bytes | Path]:
    full = root / path
    try:
        path.encode()
        found = full.lstat()
        if stat.S_ISLNK(found.st_mode):
            return _link(path, str(full.readlink()))
        if not stat.S_ISREG(found.st_mode):
            raise UnsendableFile(f"`{path}` is neither a file nor a link", where=path)
        if found.st_size > MOST_BYTES_A_FILE:
            raise FolderTooLarge(f"`{path}` is over {MOST_BYTES_A_FILE >> 20} MiB", where=path)
        sha256, size = _hashed(full)
    except UnicodeEncodeError as error:
        raise UnsendableFile(f"the name of {path!r} is not UTF-8") from error
    except OSError as error:
        raise UnsendableFile(f"`{path}` cannot be read: {error.strerror}", where=path) from error
    mode = "755" if found.st_mode & stat.S_IXUSR else "644"
    return BundledFile(path, mode, sha256, size), full


def _hashed(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _link(path: str, target: str) -> tuple[BundledFile, bytes]:
    if not stays_inside(path, target):
        raise UnsendableFile(f"`{path}` links to `{target}`, outside of the project", where=path)
    content = target.encode()
    return BundledFile(path, "link", hashlib.sha256(content).hexdigest(), len(content)), content
