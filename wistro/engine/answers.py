"""What a step returned, as an HTTP answer; and what a caller is told when there is none."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from wistro.errors import UserError
from wistro.triggers.port import EndpointAnswer

JSON = ("content-type", "application/json")
BODILESS = (204, 304)


class BadAnswer(UserError):
    """An endpoint's handler returned what is no answer."""

    code = "endpoint.bad-answer"
    hint = "Return {status, headers, body}: a status from 200 to 599, headers that are texts."
    status = 500


class NoSuchPath(UserError):
    """No endpoint has this path."""

    code = "endpoint.not-found"
    hint = "`wistro lock` lists the endpoints."
    status = 404


class WrongMethod(UserError):
    """The path exists for other methods only."""

    code = "endpoint.method"
    hint = "Use a method that Allow names."
    status = 405


class StepFailed(UserError):
    """The endpoint's step threw; the run says why."""

    code = "endpoint.failed"
    hint = "The run's page has the error; nothing that the step emitted or wrote counts."
    status = 500


class StepTimedOut(UserError):
    """The endpoint's step took longer than its timeout."""

    code = "endpoint.timeout"
    hint = "Raise the step's `timeout`, or answer at once and emit an event for the long part."
    status = 504


class RunCancelled(UserError):
    """Somebody cancelled the call's run while its step ran; nothing of it counts."""

    code = "endpoint.cancelled"
    hint = "Call again if it is still wanted."
    status = 409


class Unavailable(UserError):
    """The engine cannot serve this call now; nothing of it counts, and it may be tried again."""

    code = "engine.unavailable"
    hint = "Try again after the time in Retry-After."
    status = 503


def from_step(answer: Any) -> EndpointAnswer:
    """Raises BadAnswer."""
    if answer is None:
        return EndpointAnswer(200)
    if not isinstance(answer, dict):
        raise BadAnswer(
            f"the handler returned {type(answer).__name__}, not an object with a status"
        )
    status = answer.get("status", 200)
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise BadAnswer(f"`{status}` is no status an endpoint can answer")
    headers = _headers(answer.get("headers"))
    if (encoded := answer.get("body_base64")) is not None:
        return EndpointAnswer(status, _bytes(encoded), headers)
    body = answer.get("body")
    if body is None or status in BODILESS:
        return EndpointAnswer(status, b"", headers)
    typed = any(name == "content-type" for name, _ in headers)
    if isinstance(body, str) and typed:
        return EndpointAnswer(status, body.encode("utf-8", "replace"), headers)
    return EndpointAnswer(status, msgspec.json.encode(body), headers if typed else [JSON, *headers])


def refused(
    error: UserError,
    *,
    retry_after_s: int | None = None,
    allow: list[str] | None = None,
    run: str | None = None,
) -> EndpointAnswer:
    body = error.as_body()
    headers: list[tuple[str, str]] = [JSON]
    if run is not None:
        body["error"]["run_id"] = run
    if retry_after_s is not None:
        headers.append(("retry-after", str(retry_after_s)))
    if allow is not None:
        headers.append(("allow", ", ".join(allow)))
    return EndpointAnswer(error.status, msgspec.json.encode(body), headers)


def _headers(given: Any) -> list[tuple[str, str]]:
    if given is None:
        return []
    if not isinstance(given, dict):
        raise BadAnswer("`headers` is no object")
    pairs: list[tuple[str, str]] = []
    for name, value in given.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict | list) or one is None:
                raise BadAnswer(f"the header `{name}` is no text")
            pairs.append((str(name).lower(), one if isinstance(one, str) else str(one)))
    if any(not _is_sendable(text) for pair in pairs for text in pair):
        raise BadAnswer("a header holds a line break or a letter beyond latin-1")
    return pairs


def _is_sendable(text: str) -> bool:
    return (text.isascii() and text.isprintable()) or not any(
        letter in "\r\n\0" or ord(letter) > 255 for letter in text
    )


def _bytes(encoded: Any) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise BadAnswer("`body_base64` is no base64") from error
