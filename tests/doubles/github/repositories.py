"""Real repositories: bare ones on disk, changed by git itself."""

from __future__ import annotations

import os
import subprocess
import tempfile
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


def commit(bare: Path, files: dict[str, str | None], *, message: str, onto: str | None) -> str:
    """A commit with these files changed (None removes one) over its parent's; no ref is moved. Its id."""
    with tempfile.TemporaryDirectory(dir=bare) as folder:
        env = {"GIT_INDEX_FILE": f"{folder}/index", "GIT_DIR": str(bare)}
        if onto:
            git(bare, "read-tree", onto, env=env)
        for path, text in files.items():
            if text is None:
                git(bare, "update-index", "--force-remove", path, env=env)
                continue
            blob = git(bare, "hash-object", "-w", "--stdin", input=text.encode())
            git(bare, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)
        tree = git(bare, "write-tree", env=env)
    parents = ["-p", onto] if onto else []
    return git(bare, "commit-tree", tree, *parents, "-m", message)


def move(bare: Path, branch: str, sha: str | None) -> str:
    """Point a branch at a commit, or remove it; where it was before (zeros: nowhere)."""
    ref = f"refs/heads/{branch}"
    before = heads(bare).get(ref, ZERO)
    git(bare, "update-ref", *(["-d", ref] if sha is None else [ref, sha]))
    return before


def read(bare: Path, sha: str) -> Commit:
    parts = git(bare, "show", "-s", "--format=%H%x00%an%x00%ae%x00%aI%x00%B", sha).split("\0", 4)
    return Commit(parts[0], parts[4].strip(), parts[1], parts[2], parts[3])
