"""A blob's reference: what stands in a message in the place of bytes.

    {"blob": "sha256:<64 hex digits>", "size": 1234, "type": "image/png", "name": "cat.png"}

`type` and `name` may be absent. Any object of this form in a message, whatever else is beside it, names the blob.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

PREFIX = "sha256:"
PATTERN = "^sha256:[0-9a-f]{64}$"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["blob", "size"],
    "properties": {
        "blob": {"type": "string", "pattern": PATTERN},
        "size": {"type": "integer", "minimum": 0},
        "type": {"type": "string"},
        "name": {"type": "string"},
    },
}
# A message that is itself kept as a blob: its JSON is the blob's content. Users' messages never begin like this.
LARGE = "$large"
_LARGE_BEGINS = b'{"$large":'

_is_id = re.compile(PATTERN).fullmatch


def is_id(text: Any) -> bool:
    return isinstance(text, str) and _is_id(text) is not None


def reference(sha256: str, size: int, *, type: str = "", name: str = "") -> dict[str, Any]:
    """`sha256` is the hex digest."""
    made: dict[str, Any] = {"blob": PREFIX + sha256, "size": size}
    if type:
        made["type"] = type
    if name:
        made["name"] = name
    return made


def digest_of(id: str) -> str:
    return id.removeprefix(PREFIX)


def named_in(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(blob's id, JSON pointer of its reference) of each reference in a message."""
    if isinstance(value, dict):
        id = value.get("blob")
        if isinstance(id, str) and is_id(id):
            yield id, path
        for key, one in value.items():
            if isinstance(one, dict | list):
                step = str(key).replace("~", "~0").replace("/", "~1")
                yield from named_in(one, f"{path}/{step}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            if isinstance(one, dict | list):
                yield from named_in(one, f"{path}/{index}")


def may_name(encoded: bytes) -> bool:
    """Whether a message's JSON can hold a reference at all: a look at its bytes, for most of them the only one."""
    return b'"sha256:' in encoded


def is_large(message: bytes) -> bool:
    return message.startswith(_LARGE_BEGINS)


def is_blob_schema(schema: Any) -> bool:
    """Whether a schema asks for a reference: then an endpoint's body of any form arrives as a blob."""
    if not isinstance(schema, dict):
        return False
    named = schema.get("properties", {}).get("blob")
    return isinstance(named, dict) and named.get("pattern") == PATTERN
