"""A lock's schemas as the `components` of an API document, where a reference means the document's top."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from wistro.lock.model import Reference

PLACE = "#/components/schemas/"
DEFS = "#/$defs/"


def components(schemas: dict[str, dict[str, Any]], used: Collection[str]) -> dict[str, Any]:
    """Those of `used` by their id in the lock, each one's `$defs` beside it as `<id>.<name>`."""
    found: dict[str, Any] = {}
    for id in sorted(set(used)):
        schema = dict(schemas[id])
        names = {name: f"{id}.{_plain(name)}" for name in schema.pop("$defs", {})}
        found[id] = _moved(schema, names)
        for name, place in names.items():
            found[place] = _moved(schemas[id]["$defs"][name], names)
    return dict(sorted(found.items()))


def id_of(reference: Reference) -> str:
    return reference.ref.removeprefix("#/schemas/")


def local(reference: Reference) -> dict[str, str]:
    return {"$ref": PLACE + id_of(reference)}


def _moved(value: Any, names: dict[str, str]) -> Any:
    """Keywords hold no other `$ref`: in a lock's normal form, examples and defaults are kept as they are."""
    if isinstance(value, list):
        return [_moved(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: PLACE + names[one.removeprefix(DEFS)]
        if key == "$ref" and isinstance(one, str)
        else one
        if key in ("const", "enum", "default", "examples")
        else _moved(one, names)
        for key, one in value.items()
    }


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name) or "definition"
