"""A schema's defaults as a value: what stands where nobody fills a form."""

from __future__ import annotations

from typing import Any

from wistro.schemas.normalise import Schema
from wistro.schemas.view import Document

MAX_DEPTH = 16
_MISSING: Any = object()


def filled(schema: Schema) -> Any:
    """The value that the schema's defaults alone make; an object without any is {}."""
    value = _filled(Document(schema), schema, 0)
    return {} if value is _MISSING else value


def misfit(schema: Schema, value: Any) -> tuple[str, str] | None:
    """The first place (a JSON pointer) at which the value does not fit, and why; None where it fits."""
    for error in Document(schema).validator.iter_errors(value):
        missing = getattr(error.kind, "property", None) if error.kind else None
        path = [*error.instance_path, *([missing] if isinstance(missing, str) else [])]
        pointer = "".join("/" + str(one).replace("~", "~0").replace("/", "~1") for one in path)
        return pointer, error.message
    return None


def _filled(document: Document, schema: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        return _MISSING
    if "default" in schema:
        return schema["default"]
    if "const" in schema:
        return schema["const"]
    if "$ref" in schema:
        return _filled(document, document.target(schema["$ref"]), depth + 1)
    if "properties" not in schema:
        return _MISSING
    found = {
        name: value
        for name, below in schema["properties"].items()
        if (value := _filled(document, below, depth + 1)) is not _MISSING
    }
    return found if found or depth == 0 else _MISSING
