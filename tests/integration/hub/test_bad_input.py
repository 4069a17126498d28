"""Whatever is sent to whichever route: an answer below 500, in our shape, and no traceback.

Made from the URLconfs and the OpenAPI document, so a new route or field is in it at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from drf_spectacular.generators import SchemaGenerator

from hub.common.api.routes import Route
from hub.common.settings import SETTINGS
from tests.factories import registry
from tests.factories.accounts import a_world
from tests.factories.clients import client
from tests.factories.registry import World
from tests.integration.hub.test_matrix import ask, asked, path_of

registry.load()
WRITING = ("POST", "PUT", "PATCH", "DELETE")
BODIES = (
    b"", b"{", b"[]", b'"x"', b"null", b"1", b"\xff\xfe{}", b"[" * 100_000, b'{"a":' * 100_000,
    b'{"name":NaN}', b'{"name":1e999}', b'{"":{}}', b"9" * 5_000,
)  # fmt: skip
VALUES = (
    None, True, 0, -1, 2**31, 2**63, 2**200, 1.5, "", " ", "\0", "\ud800", "a\0b", "x" * 100_000,
    "💥" * 300, "9" * 5_000, "٣", "--", "v3", "prj_00000000000000000000000000", [], [None], [[]],
    ["\0"], ["x" * 10_000], ["x"] * 10_001, {}, {"\0": "\0"}, {"a": {"b": []}}, {"x" * 10_000: 1},
    {"dep_00000000000000000000000000": 2**63},
)  # fmt: skip
TEXTS = (
    "", "%00", "%ff", "-1", "0", "1", "1.5", "9" * 5_000, quote("٣"), quote("²"), "x" * 5_000, "%25_%5C",
    "prj_00000000000000000000000000", "run_00000000000000000000000000", "00000000-0000-7000-8000-000000000000",
    "00000000-0000-7000-8000-000000000000:99999999999999999", "9.9", "99999999999.9999999", quote("💥" * 30),
)  # fmt: skip
TYPES = (
    "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
    "multipart/form-data; boundary=x", "application/json; charset=nonsense", "\xff/json", "application/json; charset=utf-16",
)  # fmt: skip
HEADERS = (
    {"HTTP_AUTHORIZATION": "Bearer \xff"}, {"HTTP_AUTHORIZATION": "Bearer wst_\xff"},
    {"HTTP_AUTHORIZATION": "Bearer"}, {"HTTP_AUTHORIZATION": "Basic eDp5"},
    {"HTTP_X_REQUEST_ID": "a\r\nb"}, {"HTTP_ACCEPT": "application/xml"}, {"HTTP_ACCEPT": "\xff"},
    {"HTTP_IF_NONE_MATCH": '"' + "9" * 5_000 + '"'}, {"HTTP_ORIGIN": "null"}, {"HTTP_COOKIE": "session=\xff; csrftoken=\xff"},
)  # fmt: skip


@pytest.fixture
def mine(db: None) -> World:
    made = a_world()
    made.get("build")
    return made


@pytest.fixture
def asking(mine: World) -> Any:
    made = client(mine.owner)
    made.raise_request_exception = False
    return made


def test_a_body_that_is_none_is_refused(mine: World, asking: Any) -> None:
    wrong = []
    for route, method, path in writing(mine):
        for body in BODIES:
            answer = send(asking, method, path, body)
            wrong += unfit(answer, f"{method} {route.path} {body[:40]!r}")

    assert wrong == []


def test_a_body_with_a_strange_value_is_refused_or_taken(mine: World, asking: Any) -> None:
    wrong = []
    for route, method, path, body in documented(mine):
        for name in body:
            for value in VALUES:
                sent = json.dumps(body | {name: value}).encode()
                wrong += unfit(
                    send(asking, method, path, sent), f"{method} {route.path} {name}={value!r:.40}"
                )

    assert wrong == []


def test_a_strange_query_is_refused_or_taken(mine: World, asking: Any) -> None:
    wrong = []
    for path, operations in document()["paths"].items():
        known = operations.get("get", {}).get("parameters", [])
        names = {one["name"] for one in known if one["in"] == "query"} | {"limit", "before"}
        for route in (one for one in asked("hub.urls") if words("/" + one.path) == words(path)):
            for name in sorted(names) if "get" in operations else ():
                for text in TEXTS:
                    answer = ask(asking, "GET", f"{path_of(route, mine)}?{name}={text}")
                    wrong += unfit(answer, f"GET {path}?{name}={text[:40]}")

    assert wrong == []


def test_a_strange_type_header_or_method_is_refused(mine: World, asking: Any) -> None:
    wrong = []
    for route in asked("hub.urls"):
        path = path_of(route, mine)
        method = next((one for one in route.access if one in WRITING), "GET")
        for type_ in TYPES:
            answer = send(asking, method, path, b'{"name": "a"}', type_=type_)
            wrong += unfit(answer, f"{method} {route.path} as {type_!r}")
        for header in HEADERS:
            wrong += unfit(
                send(asking, method, path, b"{}", **header), f"{method} {route.path} {header}"
            )
        for unusual in ("HEAD", "OPTIONS", "TRACE", "PROPFIND"):
            wrong += unfit(send(asking, unusual, path, b""), f"{unusual} {route.path}")

    assert wrong == []


def test_a_machines_body_that_is_none_is_refused(mine: World, machines: Any) -> None:
    clients = {kind: machines(make()) for kind, make in registry.machines().items()}
    clients["pool"] = machines(SETTINGS.pool_token)
    wrong = []
    for route in asked("hub.machine_urls"):
        for method, access in route.access.items():
            for body in BODIES if method in WRITING else ():
                asking = clients[min(access.kinds)]
                asking.raise_request_exception = False
                answer = send(asking, method, path_of(route, mine), body)
                wrong += unfit(answer, f"{method} {route.path} {body[:40]!r}")

    assert wrong == []


def writing(mine: World) -> Iterator[tuple[Route, str, str]]:
    for route in asked("hub.urls"):
        for method in route.access:
            if method in WRITING:
                yield route, method, path_of(route, mine)


def documented(mine: World) -> Iterator[tuple[Route, str, str, dict[str, Any]]]:
    """Each writing operation with a body that fits its schema."""
    made = document()
    by_path = {tuple(words(path)): operations for path, operations in made["paths"].items()}
    for route, method, path in writing(mine):
        operation = by_path.get(tuple(words("/" + route.path)), {}).get(method.lower(), {})
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content and "$ref" in content["schema"]:
            schema = made["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
            properties = schema.get("properties", {})
            yield (
                route,
                method,
                path,
                {name: fitting(one, name, mine) for name, one in properties.items()},
            )


@cache
def document() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


def words(path: str) -> list[str]:
    return ["*" if one[:1] in "<{" and one else one for one in path.split("/")]


def fitting(schema: dict[str, Any], name: str, mine: World) -> Any:
    if name == "email":
        return mine.member.email
    if schema.get("type") == "string":
        return "prod" if name == "environment" else "A name"
    fits: dict[str, Any] = {"integer": 0, "boolean": True, "array": [], "object": {}}
    return fits.get(schema.get("type", ""))


def send(
    asking: Any,
    method: str,
    path: str,
    body: bytes,
    *,
    type_: str = "application/json",
    **headers: str,
) -> Any:
    with transaction.atomic():
        answer = asking.generic(method, path, body, content_type=type_, **headers)
        transaction.set_rollback(True)
    return answer


def unfit(answer: Any, what: str) -> list[str]:
    status = answer.status_code
    if status >= 500:
        return [f"{what}: {status}"]
    if status >= 400 and "json" in answer.headers.get("Content-Type", "") and answer.content:
        error = answer.json().get("error")
        if not isinstance(error, str) and set(error or ()) != {"code", "message", "hint", "fields"}:
            return [f"{what}: {status} in another shape {answer.content[:100]!r}"]
    return []
