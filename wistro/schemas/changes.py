"""What changed between two messages' schemas, field by field, in words. Whether the one fits the other: fit.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from wistro.schemas.normalise import Schema

MAX_DEPTH = 40
_MEMBERS = {
    "properties",
    "items",
    "prefixItems",
    "additionalProperties",
    "$defs",
    "required",
    "enum",
    "type",
    "const",
    "$ref",
}
_SILENT = {
    "title",
    "description",
    "examples",
    "default",
    "$comment",
}  # said as one: "is described otherwise"


class FieldChange(NamedTuple):
    """`path` is that of the field in a message: `$.lines[].sku`, with `[]` for any item and `.*` for any other key."""

    path: str
    text: str


def changes(old: Schema, new: Schema) -> list[FieldChange]:
    """Fields in order of their path; empty when both say the same."""
    return list(_Walk(old, new).compare(old, new, "$", 0))


class _Walk:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old_defs: dict[str, Any] = old.get("$defs", {})
        self._new_defs: dict[str, Any] = new.get("$defs", {})
        self._seen: set[tuple[str, str]] = set()

    def compare(self, old: Any, new: Any, path: str, depth: int) -> Iterator[FieldChange]:
        if (pair := self._references(old, new)) in self._seen or depth > MAX_DEPTH:
            return
        if pair is not None:
            self._seen.add(pair)
        old, new = _resolved(old, self._old_defs), _resolved(new, self._new_defs)
        if old == new and pair is None and "$ref" not in json.dumps(old):
            return
        if not isinstance(old, dict) or not isinstance(new, dict):
            if old != new:
                yield FieldChange(path, f"{_kind(new)}, was {_kind(old)}")
            return
        yield from self._own(old, new, path)
        yield from self._properties(old, new, path, depth)
        for key, step in (("items", "[]"), ("additionalProperties", ".*")):
            yield from self._member(old.get(key), new.get(key), key, path, step, depth)
        yield from self._tuple(old, new, path, depth)

    def _references(self, old: Any, new: Any) -> tuple[str, str] | None:
        names = [one.get("$ref") if isinstance(one, dict) else None for one in (old, new)]
        return (str(names[0]), str(names[1])) if any(names) else None

    def _own(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[FieldChange]:
        if _kind(old) != _kind(new):
            yield FieldChange(path, f"{_kind(new)}, was {_kind(old)}")
        was, now = _values(old), _values(new)
        if was is not None and now is not None:
            if more := [one for one in now if one not in was]:
                yield FieldChange(path, f"may also be {_listed(more)}")
            if gone := [one for one in was if one not in now]:
                yield FieldChange(path, f"may no longer be {_listed(gone)}")
        elif was is not None:
            yield FieldChange(path, f"is no longer one of {_listed(was)}")
        elif now is not None:
            yield FieldChange(path, f"must be one of {_listed(now)}")
        for key in sorted((old.keys() | new.keys()) - _MEMBERS - _SILENT):
            if old.get(key) == new.get(key):
                continue
            if key not in new:
                yield FieldChange(path, f"no longer has `{key}` ({_shown(old[key])})")
            elif key not in old:
                yield FieldChange(path, f"`{key}` is {_shown(new[key])}")
            else:
                yield FieldChange(path, f"`{key}` is {_shown(new[key])}, was {_shown(old[key])}")
        if any(old.get(key) != new.get(key) for key in _SILENT):
            yield FieldChange(path, "is described otherwise")

    def _properties(
        self, old: dict[str, Any], new: dict[str, Any], path: str, depth: int
    ) -> Iterator[FieldChange]:
        was, now = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(was.keys() | now.keys() | needed | needs):
            at = (
                f"{path}.{name}"
                if name.isidentifier()
                else f"{path}[{json.dumps(name, ensure_ascii=False)}]"
            )
            if name not in was and name in now:
                told = f"is new, {_kind(_resolved(now[name], self._new_defs))}"
                yield FieldChange(at, f"{told}, {'required' if name in needs else 'optional'}")
                continue
            if name in was and name not in now:
                yield FieldChange(at, "is gone")
                continue
            if (name in needed) != (name in needs):
                yield FieldChange(at, f"is {'required' if name in needs else 'optional'} now")
            if name in was:
                yield from self.compare(was[name], now[name], at, depth + 1)

    def _member(
        self, was: Any, now: Any, key: str, path: str, step: str, depth: int
    ) -> Iterator[FieldChange]:
        if was is None and now is None:
            return
        if key == "additionalProperties" and (
            isinstance(was, bool | None) and isinstance(now, bool | None)
        ):
            if (was is False) != (now is False):
                yield FieldChange(
                    path, "takes no other fields" if now is False else "may have other fields"
                )
        elif was is None:
            yield FieldChange(
                path + step, f"{_kind(_resolved(now, self._new_defs))}, was any value"
            )
        elif now is None:
            yield FieldChange(
                path + step, f"any value, was {_kind(_resolved(was, self._old_defs))}"
            )
        else:
            yield from self.compare(was, now, path + step, depth + 1)

    def _tuple(
        self, old: dict[str, Any], new: dict[str, Any], path: str, depth: int
    ) -> Iterator[FieldChange]:
        was, now = old.get("prefixItems", []), new.get("prefixItems", [])
        for index in range(max(len(was), len(now))):
            at = f"{path}[{index}]"
            if index >= len(was):
                yield FieldChange(at, f"is new, {_kind(_resolved(now[index], self._new_defs))}")
            elif index >= len(now):
                yield FieldChange(at, "is gone")
            else:
                yield from self.compare(was[index], now[index], at, depth + 1)


def _resolved(schema: Any, defs: dict[str, Any]) -> Any:
    for _ in range(MAX_DEPTH):
        if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
            break
        schema = defs.get(schema["$ref"].removeprefix("#/$defs/"), {})
    return schema


def _kind(schema: Any) -> str:
    if schema is False:
        return "no value"
    if not isinstance(schema, dict):
        return "any value"
    types = schema.get("type")
    if types is None:
        values = _values(schema)
        return "any value" if values is None else "a fixed value"
    return " or ".join(types) if isinstance(types, list) else str(types)


def _values(schema: dict[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _listed(values: list[Any]) -> str:
    return ", ".join(map(_shown, values[:8])) + (
        f" and {len(values) - 8} more" if len(values) > 8 else ""
    )


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 60 else text[:59] + "…"
