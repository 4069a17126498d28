"""JSON in and out. What every language reads alike may leave; anything else is refused with its place, as a JSON pointer."""

from __future__ import annotations

import dataclasses
import json
import math
import re

try:  # the project's own, if it has it: decoding is three times as fast
    from msgspec.json import decode
except ImportError:
    decode = json.loads

MAX_SAFE = 2**53 - 1
MAX_DEPTH = 100
_long_number = re.compile(rb"[0-9]{16}").search


class Unserialisable(TypeError):
    """A value that JSON, as read by every language, cannot carry. `path` is a JSON pointer."""

    def __init__(self, what: str, path: str) -> None:
        super().__init__(f"{what} at {path or 'the top'}")
        self.path = path


def _plain(value):
    """What the encoder does not know: pydantic models and dataclasses; nothing else is guessed."""
    if hasattr(value, "model_dump") and not isinstance(value, type):
        return value.model_dump(mode="json", by_alias=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"a {type(value).__name__} is not JSON")


_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
).encode


def encode(value) -> bytes:
    """Compact JSON, or Unserialisable. The whole value is walked only when its text gives a reason to."""
    try:
        body = _encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        walk(value)
        raise Unserialisable(str(error), "") from error
    if _long_number(body) or body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        walk(value)
    return body


def walk(value, path: str = "", depth: int = 0) -> None:
    """Raise Unserialisable at the first value that may not leave."""
    if value is None or value is True or value is False:
        return
    if isinstance(value, str):
        if not _is_text(value):
            raise Unserialisable("half of a surrogate pair", path)
    elif isinstance(value, int):
        if not -MAX_SAFE <= value <= MAX_SAFE:
            raise Unserialisable("an integer beyond 2^53-1", path)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Unserialisable(str(value), path)
    elif depth >= MAX_DEPTH:
        raise Unserialisable(f"more than {MAX_DEPTH} levels", path[:200])
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                if not isinstance(key, (int, float, bool, type(None))):
                    raise Unserialisable(f"a key that is a {type(key).__name__}", path)
            elif not _is_text(key):
                raise Unserialisable("half of a surrogate pair in a key", path)
            walk(item, f"{path}/{_pointer(key)}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            walk(item, f"{path}/{index}", depth + 1)
    else:
        try:
            plain = _plain(value)
        except TypeError as error:
            raise Unserialisable(str(error), path) from None
        walk(plain, path, depth + 1)


def _pointer(key) -> str:
    return str(key).encode(errors="replace").decode().replace("~", "~0").replace("/", "~1")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encode_loosely(value) -> bytes:
    """For log fields, which must never fail a step: what is not JSON becomes its text."""
    try:
        return encode(value)
    except Exception:
        return encode(_loose(value, 0))


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}  # spelled as in JavaScript


def _loose(value, depth: int):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, (int, float)):
        is_fine = abs(value) <= MAX_SAFE if isinstance(value, int) else math.isfinite(value)
        return value if is_fine else _NOT_FINITE.get(str(value), str(value))
    if depth < 20 and isinstance(value, dict):
        return {_pointer(key): _loose(item, depth + 1) for key, item in value.items()}
    if depth < 20 and isinstance(value, (list, tuple)):
        return [_loose(item, depth + 1) for item in value]
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text[:10_000].encode(errors="replace").decode()
