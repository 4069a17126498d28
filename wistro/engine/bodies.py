"""A call's bytes as a step's `Request`: JSON, forms and texts parsed, all else raw."""

from __future__ import annotations

import base64
import codecs
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import msgspec
import multipart

from wistro.errors import UserError
from wistro.protocol.frames import Request
from wistro.triggers.port import EndpointCall

MAX_FIELDS = 1_000
# Of what the WHATWG's encoding standard lists, by Python's names.
CHARSETS = (
    *("utf-8", "utf-16", "ascii", "iso8859-", "cp125", "koi8-", "cp866", "mac-roman"),
    *("gbk", "gb18030", "gb2312", "big5", "euc_jp", "shift_jis", "iso2022_jp", "euc_kr"),
)


class UnknownContentType(UserError):
    """A body in a form that this endpoint does not take."""

    code = "endpoint.content-type"
    hint = "Send application/json in UTF-8, a form (urlencoded or multipart/form-data), or what the endpoint's documentation names."
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
    """A body larger than what its endpoint reads."""

    code = "endpoint.body-too-large"
    hint = "Send less, or send the large part as a file of a multipart form."
    status = 413


@dataclass(frozen=True, slots=True)
class Body:
    """`value` for checking; `encoded` the same as JSON, without encoding it again where it came as JSON.

    `blob` and `path`: where the raw bytes are kept, when they are too many for a frame; `raw`: they are these instead.
    """

    value: Any
    encoded: Any
    blob: str = ""
    path: str = ""
    raw: bytes | None = None


NOTHING = Body(None, None)


def kind_of(call: EndpointCall) -> tuple[str, dict[str, str]]:
    """The content-type, lower-case, and its parameters; nothing without one."""
    content_type = next((value for name, value in call.headers if name == "content-type"), "")
    kind, _, parameters = content_type.partition(";")
    options: dict[str, str] = {}
    if parameters:
        _, options = multipart.parse_options_header(content_type)
    return kind.strip().lower(), options


def parse(call: EndpointCall, *, needs_json: bool, takes_text: bool = False) -> Body:
    """Raises UnknownContentType or UnreadableBody. `needs_json`: the endpoint has a schema for its body, `takes_text`:
    which a text may fit."""
    if not call.body:
        return NOTHING
    kind, options = kind_of(call)
    charset = options.get("charset", "utf-8")
    if kind == "application/json" or kind.endswith("+json") or (not kind and needs_json):
        if _codec(charset) != "utf-8":  # RFC 8259 §8.1
            raise UnknownContentType(f"JSON in {charset} is not read; send UTF-8")
        return _json(call.body)
    if kind == "application/x-www-form-urlencoded":
        return _form(call.body, charset)
    if needs_json and not (takes_text and kind.startswith("text/")):
        raise UnknownContentType(f"a body of type `{kind}` is not read here")
    if kind.startswith("text/"):
        text = decoded(call.body, charset)
        return Body(text, text)
    return NOTHING


def _json(body: bytes) -> Body:
    try:
        return Body(msgspec.json.decode(body), msgspec.Raw(body))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UnreadableBody(f"the body is no JSON: {error}") from error


def _form(body: bytes, charset: str) -> Body:
    try:
        fields = parse_qs(
            decoded(body, "utf-8"),
            keep_blank_values=True,
            encoding=_codec(charset),
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise UnreadableBody(f"the body is no form: {error}") from error
    value = {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
    return Body(value, value)


def decoded(body: bytes, charset: str) -> str:
    """Raises UnknownContentType, UnreadableBody."""
    try:
        return body.decode(_codec(charset))
    except UnicodeDecodeError as error:
        raise UnreadableBody(f"the body is not {charset}") from error


def _codec(charset: str) -> str:
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        name = ""
    if not name.startswith(CHARSETS):
        raise UnknownContentType(f"the charset `{charset[:40]}` is not read here")
    return name


def request(call: EndpointCall, body: Body, params: dict[str, str]) -> Request:
    raw = b"" if body.blob else call.body if body.raw is None else body.raw
    return Request(
        method=call.method,
        path=call.path,
        path_params=params,
        query_params=parse_qs(call.query, keep_blank_values=True) if call.query else {},
        headers=_headers(call.headers),
        body=body.encoded,
        raw_body_base64=base64.b64encode(raw).decode() if raw else "",
        raw_body_blob=body.blob,
        raw_body_path=body.path,
    )


def without_private(request: Request, private: frozenset[str]) -> Request | None:
    """The request as it may be recorded, or None when nothing in it is private, or of this machine alone."""
    if private.isdisjoint(request.headers) and not request.raw_body_path:
        return None
    headers = {
        name: "[redacted]" if name in private else value for name, value in request.headers.items()
    }
    return msgspec.structs.replace(request, headers=headers, raw_body_path="")


def _headers(pairs: list[tuple[str, str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
