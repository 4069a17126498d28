"""Small file systems of our own: a tmpfs that gets full, an ext4 on a disk whose power can be cut. They want root."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.faults import recording_disk

DISK_BYTES = 128 * 1024 * 1024


@cache
def why_not() -> str | None:
    """Why this user may not mount here; None when it may."""
    if not sys.platform.startswith("linux"):
        return "mounting is tried on Linux only"
    if os.geteuid() != 0:
        return "mounting is root's"
    with tempfile.TemporaryDirectory(prefix="wistro-mount-") as folder:
        try:
            with small(Path(folder), size_bytes=1 << 20):
                return None
        except subprocess.CalledProcessError as refused:
            return f"mounting is not allowed here: {refused.stderr.decode().strip()}"


@cache
def why_no_power_cut() -> str | None:
    if (reason := why_not()) is not None:
        return reason
    if shutil.which("mkfs.ext4") is None:
        return "there is no mkfs.ext4"
    with tempfile.TemporaryDirectory(prefix="wistro-mount-") as folder:
        try:
            with Powered(Path(folder)):
                return None
        except (OSError, RuntimeError, subprocess.CalledProcessError) as refused:
            return f"a disk of our own cannot be mounted here: {refused}"


@contextmanager
def small(folder: Path, *, size_bytes: int) -> Iterator[Path]:
    _run("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "wistro-faults", str(folder))
    try:
        yield folder
    finally:
        _run("umount", str(folder))


@contextmanager
def image(path: Path, at: Path) -> Iterator[Path]:
    """An ext4 in a file, mounted: its journal is replayed, as a machine does that starts again."""
    at.mkdir(exist_ok=True)
    _run("mount", "-o", "loop", str(path), str(at))
    try:
        yield at
    finally:
        _run("umount", str(at))


class Powered:
    """`with` it: `path` is an ext4 on a recording disk; `cut` takes what that disk could hold after a cut now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "live"
        self._stack = contextlib.ExitStack()
        self._server: subprocess.Popen[str] | None = None

    def __enter__(self) -> Powered:
        empty, fuse = self._folder / "empty.img", self._folder / "disk"
        with empty.open("wb") as file:
            file.truncate(DISK_BYTES)
        _run("mkfs.ext4", "-q", "-b", "4096", str(empty))
        fuse.mkdir()
        with contextlib.ExitStack() as stack:
            self._serve(empty, fuse, stack)
            stack.enter_context(image(fuse / recording_disk.NAME.decode(), self.path))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def cut(self, path: Path, *, seed: int) -> int:
        """Blocks lost that nobody had flushed."""
        assert self._server is not None
        assert self._server.stdin is not None
        self._server.stdin.write(f"cut {path} {seed}\n")
        self._server.stdin.flush()
        return int(self._said().split()[1])

    def _serve(self, empty: Path, fuse: Path, stack: contextlib.ExitStack) -> None:
        argv = [sys.executable, "-m", "tests.faults.recording_disk", str(empty), str(fuse)]
        pipe = subprocess.PIPE
        self._server = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True)
        stack.callback(self._end)
        if self._said() != "ready":
            raise RuntimeError("the recording disk did not start")
        stack.callback(lambda: _run("umount", str(fuse)))

    def _said(self) -> str:
        assert self._server is not None
        assert self._server.stdout is not None
        return self._server.stdout.readline().strip()

    def _end(self) -> None:
        assert self._server is not None
        assert self._server.stdin is not None
        self._server.stdin.close()
        try:
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        assert self._server.stdout is not None
        self._server.stdout.close()


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=30)
