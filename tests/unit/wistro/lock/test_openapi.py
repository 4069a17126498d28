"""What of an endpoint's body and query an OpenAPI document says."""

from __future__ import annotations

from typing import Any

from tests.factories.engine import a_lock, a_step
from wistro.lock.model import QueryParam
from wistro.lock.openapi import document
from wistro.protocol import blobs as blob

UPLOAD: dict[str, Any] = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": blob.SCHEMA, "title": {"type": "string"}},
}


def operation(step: Any) -> dict[str, Any]:
    schemas = {"upload": UPLOAD, "blob": dict(blob.SCHEMA), "plain": {"type": "object"}}
    found = document(a_lock({"s": step}, schemas=schemas), title="t", version="1")
    return found["paths"]["/s"]["post"]


def test_an_endpoint_that_takes_a_blob_takes_any_bytes() -> None:
    told = operation(a_step("api", method="POST", path="/s", input="blob"))

    assert told["requestBody"]["content"] == {"*/*": {}}


def test_a_field_that_is_a_blob_is_a_file_of_a_form() -> None:
    told = operation(a_step("api", method="POST", path="/s", input="upload"))

    [(kind, content)] = told["requestBody"]["content"].items()
    assert kind == "multipart/form-data"
    assert content["schema"]["required"] == ["file"]
    assert content["schema"]["properties"] == {
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        "title": {"type": "string"},
    }


def test_any_other_body_is_json() -> None:
    told = operation(a_step("api", method="POST", path="/s", input="plain"))

    assert list(told["requestBody"]["content"]) == ["application/json"]


def test_what_it_reads_of_the_query_is_told() -> None:
    params = [QueryParam("page", "from 1"), QueryParam("size")]

    told = operation(a_step("api", method="POST", path="/s", query_params=params))

    assert [one for one in told["parameters"] if one["in"] == "query"] == [
        {"name": "page", "in": "query", "schema": {"type": "string"}, "description": "from 1"},
        {"name": "size", "in": "query", "schema": {"type": "string"}},
    ]
