"""Reading, writing and verifying `wistro.yml.lock`. What it looks like: model.py. Nothing here runs user code."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import msgspec

from wistro.errors import UserError
from wistro.lock import strict_yaml
from wistro.lock.model import LOCK, Lock

NAME = "wistro.yml.lock"
MAX_BYTES = 4 * 1024 * 1024
_HEAD = re.compile(rb"(?:[a-z]+: [^\n]*\n){0,4}?digest: (?:sha256:[0-9a-f]{64})\n")


class NoLock(UserError):
    """There is no lock file."""

    code = "lock.missing"
    hint = "Run `wistro lock` and commit what it writes."


class DamagedLock(UserError):
    """The lock was edited by hand, cut short, or merged without being written again."""

    code = "lock.damaged"
    hint = "Run `wistro lock` to write it again; it is never edited by hand."


class NewerLock(UserError):
    """The lock's number is above what this wistro reads."""

    code = "lock.newer"
    hint = "Upgrade wistro, or run `wistro lock` with this one."


class LockTooLarge(UserError):
    """A lock over 4 MiB."""

    code = "lock.too-large"
    hint = "Split the project, or shorten its schemas: examples and descriptions count too."


class ChangedStep(UserError):
    """A step's files are not those that the lock was written from."""

    code = "lock.changed-step"
    hint = "Run `wistro lock`, look at the difference, and commit it."


def read(path: Path) -> Lock:
    """The lock at `path`; raises NoLock, NewerLock, LockTooLarge, DamagedLock or UnreadableYaml."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoLock(f"there is no {path.name} in {path.parent}") from error
    return parse(data, name=path.name)


def parse(data: bytes, *, name: str = NAME) -> Lock:
    """`read` of bytes that are already here, such as a version's lock in the Hub."""
    if len(data) > MAX_BYTES:
        raise LockTooLarge(f"{name} is {len(data):,} bytes; {MAX_BYTES:,} are allowed", where=name)
    value = strict_yaml.read(data, name=name, max_bytes=MAX_BYTES).value
    if not isinstance(value, dict) or not isinstance(value.get("lock"), int):
        raise DamagedLock(f"{name} does not start with `lock: {LOCK}`", where=f"{name}:1")
    if value["lock"] > LOCK:
        raise NewerLock(f"{name} has format {value['lock']}; this wistro reads up to {LOCK}")
    head = _HEAD.match(data)
    if head is None or value.get("digest") != _sha256(data[head.end() :]):
        raise DamagedLock(f"{name} is not what `wistro lock` wrote: its digest differs", where=name)
    try:
        return msgspec.convert(value, Lock)
    except msgspec.ValidationError as error:
        raise DamagedLock(f"{name}: {error}", where=name) from error


def write(lock: Lock) -> bytes:
    """The file's bytes: the same lock gives the same bytes. Its `digest` field is computed, not read."""
    plain = msgspec.to_builtins(lock, order="deterministic")
    head = {key: plain.pop(key) for key in ("lock", "project") if key in plain}
    plain.pop("digest", None)
    for step in plain.get("steps", {}).values():
        if step["config"].get("retries") == {}:
            del step["config"]["retries"]
    if plain.get("triggers") == {}:
        del plain["triggers"]
    body = strict_yaml.write(plain).encode() if plain else b""
    lead = strict_yaml.write(head | {"digest": "-"}).encode().rpartition(b"digest:")[0]
    data = lead + f"digest: {_sha256(body)}\n".encode() + body
    if len(data) > MAX_BYTES:
        raise LockTooLarge(f"the lock would be {len(data):,} bytes; {MAX_BYTES:,} are allowed")
    return data


def step_digest(root: Path, files: list[str]) -> str:
    """sha256 over `path NUL sha256(content, CRLF as LF) LF` of each file, in sorted order."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{file}\0{content_sha256(root / file)}\n".encode())
    return f"sha256:{total.hexdigest()}"


def content_sha256(path: Path) -> str:
    """sha256 hex of a file's bytes with CRLF as LF, so that a checkout's line ends do not matter."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def verify(root: Path, lock: Lock) -> None:
    """Refuse when a step's files differ from the lock: ChangedStep names every such step."""
    hashes: dict[str, str] = {}
    changed: dict[str, str] = {}
    for id, step in lock.steps.items():
        file = step.file
        try:
            total = hashlib.sha256()
            for file in sorted(step.files):
                if file not in hashes:
                    hashes[file] = content_sha256(_inside(root, file))
                total.update(f"{file}\0{hashes[file]}\n".encode())
        except OSError as error:
            changed[id] = f"{file} cannot be read ({error.strerror})"
            continue
        if f"sha256:{total.hexdigest()}" != step.digest:
            changed[id] = "differs from the lock"
    if changed:
        first = next(iter(changed))
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise ChangedStep(
            f"`{first}` {changed[first]}{more}", fields=changed, where=lock.steps[first].file
        )


def _inside(root: Path, file: str) -> Path:
    if file.startswith("/") or ".." in file.split("/"):
        raise DamagedLock(f"the lock names a file outside of the project: {file}")
    return root / file


def _sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
