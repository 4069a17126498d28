"""A project's files as a bundle of a machine API's double: compiled as the builder compiles, without its sandbox."""

from __future__ import annotations

from pathlib import Path

import msgspec

from runner.builder import tree
from tests.doubles.fleet_api import FleetApi
from wistro.compiler import check_lock
from wistro.lock import file
from wistro.protocol.bundle import Bundle, Layer


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def a_bundle(api: FleetApi, root: Path, *, layers: list[Layer] | None = None) -> str:
    """Compile the project at `root`, keep its blobs in the double; the bundle's sha256."""
    compiled = check_lock(root).compiled
    assert compiled.lock is not None, compiled.problems
    (root / file.NAME).write_bytes(file.write(compiled.lock))
    return put_folder(api, root, layers=layers)


def put_folder(api: FleetApi, root: Path, *, layers: list[Layer] | None = None) -> str:
    found = tree.collect(root, keep=tree.project_part)
    for content in found.path_by_sha256.values():
        api.put(content if isinstance(content, bytes) else content.read_bytes())
    return api.put(msgspec.json.encode(Bundle(found.files, layers or [])))


def a_layer(api: FleetApi, root: Path, *, language: str = "python") -> Layer:
    found = tree.collect(root, keep=tree.everything)
    for content in found.path_by_sha256.values():
        api.put(content if isinstance(content, bytes) else content.read_bytes())
    at = {"python": ".wistro/packages/python", "node": "node_modules"}[language]
    return Layer("0" * 64, language, at, api.put(msgspec.json.encode(Bundle(found.files))))
