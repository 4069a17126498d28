"""Real repositories: bare ones on disk, changed by git itself."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ZERO = "0" * 40
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada Example"), ("EMAIL", "ada@example.com"))
}


@dataclass(frozen=True)
class Commit:
    sha: str
    message: str
    author: str
    email: str
    at: str


def git(
    folder: Path, *arguments: str, env: dict[str, str] | None = None, input: bytes = b""
) -> str:
    """Raises CalledProcessError, with git's words in `stderr`."""
    plain = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=plain | IDENTITY | (env or {}),
        input=input,
        capture_output=True,
        check=True,
        timeout=30,
    )
    return done.stdout.decode().rstrip("\n")


def make(bare: Path, *, branch: str) -> None:
    bare.mkdir(parents=True)
    git(bare, "init", "--quiet", "--bare", "-b", branch, ".")


def heads(bare: Path) -> dict[str, str]:
    lines = git(bare, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/")
    return dict(line.split(" ", 1) for line in lines.splitlines())


def has(bare: Path, sha: str) -> bool:
    try:
        git(bare, "cat-file", "-e", f"{sha}^{{commit}}")
    except subprocess.CalledProcessError:
        return False
    return True


def push(
    bare: Path, branch: str, files: dict[str, str | None], *, message: str, onto: str | None
) -> str:
    """Point a branch at a new commit: these files changed (None removes one) over its head or `onto`. Its id."""
    ref = f"refs/heads/{branch}"
    parent = onto or heads(bare).get(ref)
    lines = [f"commit {ref}", f"committer {IDENTITY['GIT_COMMITTER_NAME']} <ada@example.com> now"]
    stream = "\n".join([*lines, _data(message)]).encode() + b"\n"
    if parent:
        stream += f"from {parent}\n".encode()
    for path, text in files.items():
        change = f"D {path}" if text is None else f"M 644 inline {path}\n{_data(text)}"
        stream += change.encode() + b"\n"
    arguments = ("fast-import", "--quiet", "--force", "--date-format=now")
    git(bare, *arguments, input=b"feature done\n" + stream + b"done\n")
    return heads(bare)[ref]


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}"


def move(bare: Path, branch: str, sha: str | None) -> None:
    """Point a branch at a commit, or remove it."""
    ref = f"refs/heads/{branch}"
    git(bare, "update-ref", *(["-d", ref] if sha is None else [ref, sha]))


def read(bare: Path, sha: str) -> Commit:
    parts = git(bare, "show", "-s", "--format=%H%x00%an%x00%ae%x00%aI%x00%B", sha).split("\0", 4)
    return Commit(parts[0], parts[4].strip(), parts[1], parts[2], parts[3])
