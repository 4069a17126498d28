"""A version's files: a list of {path, mode, sha256, size}; the contents are blobs by that sha256.

No archive is ever unpacked. A layer (installed dependencies) is a bundle too, mounted at `at`.
"""

from __future__ import annotations

import posixpath

import msgspec


class BundledFile(msgspec.Struct):
    path: str  # POSIX, relative, no `..`
    mode: str  # "644" | "755" | "link": a symlink, whose target is the blob
    sha256: str
    size: int


class Layer(msgspec.Struct):
    """Installed dependencies. `key` is sha256 of (manifest hash, platform, runtime); `bundle` its bundle's blob."""

    key: str
    language: str  # python | node
    at: str  # python: ".wistro/packages/python"; node: "node_modules"
    bundle: str


class Bundle(msgspec.Struct):
    files: list[BundledFile]
    layers: list[Layer] = []


def stays_inside(path: str, target: str) -> bool:
    """Would a link at `path` to `target` lead to a place below the root?"""
    if not target or target.startswith("/") or "\0" in target:
        return False
    reached = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return not (reached == ".." or reached.startswith("../"))
