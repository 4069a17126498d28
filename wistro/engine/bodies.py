"""A call's bytes as a step's `Request`: JSON, forms and texts parsed, all else raw."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import msgspec

from wistro.errors import UserError
from wistro.protocol.frames import Request
from wistro.triggers.port import EndpointCall

MAX_FIELDS = 1_000


class UnknownContentType(UserError):
    """A body in a form that this endpoint does not take."""

    code = "endpoint.content-type"
    hint = "Send application/json or application/x-www-form-urlencoded, in UTF-8."
    status = 415


class UnreadableBody(UserError):
    """The body is not what its content-type says."""

    code = "endpoint.body-unreadable"
    hint = "Send what the content-type header promises."
    status = 422


class UnfitBody(UserError):
    """The body does not fit the endpoint's schema; `fields` maps JSON pointers to what is wrong."""

    code = "endpoint.body-unfit"
    hint = "Correct the named fields; the endpoint's schema is in wistro.yml.lock."
    status = 422


class BodyTooLarge(UserError):
    """A body that would not fit a language host's frame."""

    code = "endpoint.body-too-large"
    hint = "Send less, or put the file elsewhere and send its address."
    status = 413


@dataclass(frozen=True, slots=True)
class Body:
    """`value` for checking; `encoded` the same as JSON, without encoding it again where it came as JSON."""

    value: Any
    encoded: Any


NOTHING = Body(None, None)


def parse(call: EndpointCall, *, needs_json: bool) -> Body:
    """Raises UnknownContentType or UnreadableBody. `needs_json`: the endpoint has a schema for its body."""
    if not call.body:
        return NOTHING
    content_type = next((value for name, value in call.headers if name == "content-type"), "")
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower()
    if kind == "application/json" or kind.endswith("+json") or (not kind and needs_json):
        if "charset" in parameters.lower() and "utf-8" not in parameters.lower():
            raise UnknownContentType(f"JSON in {parameters.strip()} is not read; send UTF-8")
        return _json(call.body)
    if kind == "application/x-www-form-urlencoded":
        return _form(call.body)
    if kind.startswith("multipart/") or needs_json:
        raise UnknownContentType(f"a body of type `{kind}` is not read here")
    if kind.startswith("text/"):
        text = _text(call.body)
        return Body(text, text)
    return NOTHING


def _json(body: bytes) -> Body:
    try:
        return Body(msgspec.json.decode(body), msgspec.Raw(body))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UnreadableBody(f"the body is no JSON: {error}") from error


def _form(body: bytes) -> Body:
    try:
        fields = parse_qs(
            _text(body), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise UnreadableBody(f"the body is no form: {error}") from error
    value = {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
    return Body(value, value)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise UnreadableBody("the body is not UTF-8") from error


def request(call: EndpointCall, body: Body, params: dict[str, str]) -> Request:
    return Request(
        method=call.method,
        path=call.path,
        path_params=params,
        query_params=parse_qs(call.query, keep_blank_values=True) if call.query else {},
        headers=_headers(call.headers),
        body=body.encoded,
        raw_body_base64=base64.b64encode(call.body).decode() if call.body else "",
    )


def without_private(request: Request, private: frozenset[str]) -> Request | None:
    """The request as it may be recorded, or None when nothing in it is private."""
    if private.isdisjoint(request.headers):
        return None
    headers = {
        name: "[redacted]" if name in private else value for name, value in request.headers.items()
    }
    return msgspec.structs.replace(request, headers=headers)


def _headers(pairs: list[tuple[str, str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
