"""What an endpoint's handler returned, as {status, headers, body | body_base64}."""

from __future__ import annotations

import base64


class BadAnswer(TypeError):
    """An endpoint returned what is not an answer."""


def answer_of(returned) -> dict:
    """None is 204. Status is 200 unless named. Bytes go as base64."""
    if returned is None:
        return {"status": 204, "headers": {}}
    if not isinstance(returned, dict):
        raise BadAnswer(
            f"an endpoint returns {{'status': 200, 'body': …, 'headers': {{…}}}}, not a {type(returned).__name__}"
        )
    for name in returned:
        if name not in ("status", "body", "headers"):
            raise BadAnswer(f"an answer has status, body and headers, no `{name}`")
    status = returned.get("status", 200)
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise BadAnswer(f"status is a number from 200 to 599, not {status!r}")
    answer = {"status": int(status), "headers": _headers(returned.get("headers") or {})}
    body = returned.get("body")
    if isinstance(body, (bytes, bytearray, memoryview)):
        answer["body_base64"] = base64.b64encode(body).decode()
    elif "body" in returned:
        answer["body"] = body
    return answer


def _headers(headers) -> dict[str, str]:
    if not isinstance(headers, dict):
        raise BadAnswer(f"headers is an object of names and texts, not {headers!r}")
    for name, value in headers.items():
        if (
            not isinstance(name, str)
            or not isinstance(value, (str, int))
            or isinstance(value, bool)
        ):
            raise BadAnswer(f"header {name!r} is not a text: {value!r}")
        if any(letter in f"{name}{value}" for letter in "\r\n\0"):
            raise BadAnswer(f"header {name!r} has a line break in it")
    return {name: str(value) for name, value in headers.items()}
