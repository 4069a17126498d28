"""What the screens take a route to answer (frontend/shared/api/types.ts, by its fixtures) is what the Hub documents."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import jsonschema
import msgspec
import pytest
from drf_spectacular.generators import SchemaGenerator

from infra.bootstrap import ROOT
from wistro.protocol import reading


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    node = shutil.which("node")
    assert node is not None, "Node is missing: make check installs what it needs"
    done = subprocess.run(
        [node, "screens/examples.js"],
        cwd=ROOT / "frontend",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_examples_of_the_screens_fit_the_openapi_document(told: dict[str, Any]) -> None:
    document = SchemaGenerator().get_schema(request=None, public=True)
    checked, wrong = 0, []
    for path, examples in told["examples"].items():
        operation = document["paths"].get(f"/api/v1{path}", {}).get("get")
        if operation is None:
            continue  # a route that is not there yet
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        validator = jsonschema.Draft202012Validator(
            exact(schema, document["components"]["schemas"])
        )
        for example in examples:
            checked += 1
            wrong += [
                f"GET {path} at {error.json_path}: {error.message[:200]}"
                for error in validator.iter_errors(example)
            ]
    assert not wrong, "\n".join(sorted(set(wrong)))
    assert checked > 20


@pytest.mark.parametrize("name", ["RunPage", "RunDetail", "LinePage", "Graph"])
def test_examples_of_the_screens_are_the_read_shapes(told: dict[str, Any], name: str) -> None:
    example = told["readings"][name]
    read = msgspec.convert(example, type=getattr(reading, name))
    assert msgspec.to_builtins(read) == example


def exact(schema: Any, known: dict[str, Any]) -> Any:
    """OpenAPI 3.0 as JSON schema: references put in, `nullable` written out, no property beyond those named."""
    if isinstance(schema, list):
        return [exact(each, known) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return exact(known[schema["$ref"].rsplit("/", 1)[1]], known)
    made = {name: exact(value, known) for name, value in schema.items() if name != "nullable"}
    if isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") is True else made
