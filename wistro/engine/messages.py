"""Does this message fit? Schemas are compiled once; what does not fit is told with a JSON pointer."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import msgspec

from wistro.protocol.frames import Refusal

MAX_SAFE_INTEGER = 2**53 - 1
_DIGITS = bytes(letter in b"0123456789" for letter in range(256))  # digits -> 1, all else -> 0
_LONG_NUMBER = b"\1" * 16
ERRORS_TOLD = 20


class Schemas:
    """A lock's schemas, compiled when first asked for. `#/schemas/…` inside one refers to its neighbours."""

    def __init__(self, schemas: dict[str, dict[str, Any]]) -> None:
        self._schemas = schemas
        self._compiled: dict[str, jsonschema_rs.Validator] = {}

    def written(self, reference: str) -> dict[str, Any]:
        """The schema as the lock has it."""
        return self._schemas[reference.removeprefix("#/schemas/")]

    def get(self, reference: str) -> jsonschema_rs.Validator:
        name = reference.removeprefix("#/schemas/")
        if name not in self._compiled:
            schema: dict[str, Any] = self._schemas[name]
            if b'"#/schemas/' in msgspec.json.encode(schema):
                schema = {"$ref": f"#/schemas/{name}", "schemas": self._schemas}
            self._compiled[name] = jsonschema_rs.Draft202012Validator(schema)
        return self._compiled[name]


def misfits(validator: jsonschema_rs.Validator, value: Any) -> dict[str, str]:
    """JSON pointer -> what is wrong there; empty when it fits."""
    if validator.is_valid(value):
        return {}
    found: dict[str, str] = {}
    for error in validator.iter_errors(value):
        found.setdefault(pointer(_place(error)), error.message)
        if len(found) == ERRORS_TOLD:
            break
    return found


def _place(error: jsonschema_rs.ValidationError) -> list[str | int]:
    """Where it is wrong; a property that is missing is named by where it would be, one too many by where it is."""
    named = getattr(error.kind, "property", None) if error.kind else None
    unexpected = getattr(error.kind, "unexpected", None) if error.kind else None
    if named is None and unexpected:
        named = unexpected[0]
    return [*error.instance_path, named] if isinstance(named, str) else error.instance_path


def pointer(path: list[str | int]) -> str:
    """RFC 6901; the whole value is ``."""
    return "".join("/" + str(one).replace("~", "~0").replace("/", "~1") for one in path)


def encode_message(value: Any, *, topic: str, max_bytes: int) -> bytes | Refusal:
    """The message's JSON, or why it cannot be one in every language."""
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError:
        return Refusal("emit.text", f"a text in the message for `{topic}` is no valid Unicode", "")
    if len(encoded) > max_bytes:
        return Refusal(
            "emit.too-large",
            f"the message for `{topic}` has {len(encoded):,} bytes; at most {max_bytes:,} are taken",
            "",
            "Put the large part with `ctx.blobs` and emit its reference.",
        )
    if (
        _LONG_NUMBER in encoded.translate(_DIGITS)
        and (path := _unsafe_integer(value, [])) is not None
    ):
        return Refusal(
            "emit.integer",
            f"the message for `{topic}` holds an integer beyond 2^53-1 at {pointer(path) or 'its top'}",
            pointer(path),
            "Emit it as a text: JavaScript would round it.",
        )
    return encoded


def _unsafe_integer(value: Any, path: list[str | int]) -> list[str | int] | None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_SAFE_INTEGER:
        return path
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, one in inner:
        if (found := _unsafe_integer(one, [*path, key])) is not None:
            return found
    return None
