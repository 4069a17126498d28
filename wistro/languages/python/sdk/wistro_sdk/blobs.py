"""A blob's reference: what stands in a message in the place of bytes."""

from __future__ import annotations

SCHEMA = {
    "type": "object",
    "required": ["blob", "size"],
    "properties": {
        "blob": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        "size": {"type": "integer", "minimum": 0},
        "type": {"type": "string"},
        "name": {"type": "string"},
    },
}


class BlobRef(dict):
    """`{"blob": "sha256:…", "size": 1234, "type": "image/png", "name": "cat.png"}`, the last two where they are known.

    As a type of a field, of `input` or of `bodySchema` it says that a blob is expected; what arrives is such an object.
    """

    wistro_schema = SCHEMA

    @property
    def id(self) -> str:
        return self["blob"]

    @property
    def size(self) -> int:
        return self["size"]

    @property
    def type(self) -> str:
        return self.get("type", "")

    @property
    def name(self) -> str:
        return self.get("name", "")

    @classmethod
    def __get_pydantic_core_schema__(cls, source, handler):
        return handler(dict)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema, handler):
        return dict(SCHEMA)
