"""A folder's files into the Hub's blobs: only what the project has not sent before, a few at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import msgspec

from wistro.hub_client.connection import Hub
from wistro.hub_client.shapes import Missing, Project
from wistro.hub_client.tree import Tree
from wistro.protocol.bundle import Bundle

AT_ONCE = 4
ASKED_AT_ONCE = 5_000  # hashes a question; the Hub takes 10,000


@dataclass(frozen=True)
class Progress:
    files: int
    of_files: int
    bytes: int
    of_bytes: int


@dataclass(frozen=True)
class Sent:
    """`bundle` is the address of the list of files; `bytes` is what was sent, not what was there already."""

    bundle: str
    bytes: int


def send(hub: Hub, into: Project, tree: Tree, *, on_progress: Callable[[Progress], None]) -> Sent:
    """Everything that a version of this folder needs, and its bundle last."""
    listed = msgspec.json.encode(Bundle(sorted(tree.files, key=lambda one: one.path)))
    bundle = hashlib.sha256(listed).hexdigest()
    contents: dict[str, bytes | Path] = tree.content_by_sha256 | {bundle: listed}
    sizes = tree.size_by_sha256 | {bundle: len(listed)}
    absent = missing(hub, into, [*tree.content_by_sha256, bundle])
    files = [one for one in absent if one != bundle]
    of_bytes = sum(sizes[one] for one in absent)
    done = 0
    for number, sha256 in enumerate(_sent(hub, into, files, contents), 1):
        done += sizes[sha256]
        on_progress(Progress(number, len(files), done, of_bytes))
    if bundle in absent:
        hub.put_blob(_path(into, bundle), listed)
    return Sent(bundle, of_bytes)


def missing(hub: Hub, into: Project, hashes: list[str]) -> list[str]:
    """Those that the project has not sent, each once."""
    absent: list[str] = []
    for start in range(0, len(hashes), ASKED_AT_ONCE):
        asked = {"sha256": hashes[start : start + ASKED_AT_ONCE]}
        absent += hub.post(f"/api/v1/projects/{into.id}/blobs/missing", asked, Missing).missing
    return list(dict.fromkeys(absent))


def _sent(hub: Hub, into: Project, files: list[str], contents: dict[str, bytes | Path]):
    """Each hash once it has arrived; what fails, or Ctrl-C, takes back what has not begun."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload") as pool:
        sending = {pool.submit(hub.put_blob, _path(into, one), contents[one]): one for one in files}
        try:
            for ended in as_completed(sending):
                ended.result()
                yield sending[ended]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _path(into: Project, sha256: str) -> str:
    return f"/api/v1/projects/{into.id}/blobs/{sha256}"
