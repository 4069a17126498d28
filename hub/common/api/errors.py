"""Every error leaves in one shape: {"error": {code, message, hint, fields}}. Raise a UserError; it gets its status.

What is not a UserError is ours: logged whole, answered 500 with nothing of it.
"""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from wistro.errors import UserError

log = structlog.get_logger()


class Invalid(UserError):
    """A body or parameter that does not fit; `fields` says which and why."""

    code = "request.invalid"
    status = 422


class Unreadable(UserError):
    """A body that is not JSON, or of a type that the route does not take."""

    code = "request.unreadable"
    hint = "Send JSON with Content-Type: application/json."


class NotFound(UserError):
    """Nothing there, or nothing that the asker may know of."""

    code = "request.not-found"
    status = 404


class SignIn(UserError):
    """The route wants someone signed in."""

    code = "access.sign-in"
    hint = "Sign in, or run `wistro login`."
    status = 401


class NotAllowed(UserError):
    """Known here, but this is for others."""

    code = "access.not-allowed"
    status = 403


class NotByToken(UserError):
    """A token without the scope that the route wants."""

    code = "access.scope"
    hint = "Run `wistro login` again, or use the Hub in a browser."
    status = 403


class BadMethod(UserError):
    """The route has no such method."""

    code = "request.method"
    status = 405


class TooMany(UserError):
    """Asked too often."""

    code = "request.too-many"
    hint = "Wait for the seconds in Retry-After."
    status = 429


class TooLarge(UserError):
    """A body over the route's limit."""

    code = "request.too-large"
    status = 413


class Conflict(UserError):
    """It is not as the asker thought: taken, changed in between, or still in use."""

    code = "request.conflict"
    status = 409


class Ours(UserError):
    """We failed. The whole of it is in our log under the request's id."""

    code = "hub.failed"
    hint = "Try again; if it stays, tell us the request id in X-Request-Id."
    status = 500


def as_user_error(error: Exception) -> UserError | None:
    """The UserError that the outside is told for this, None when it is ours."""
    match error:
        case UserError():
            return error
        case exceptions.ValidationError():
            fields = dict(_flat(error.detail))
            return Invalid(
                "; ".join(f"{k}: {v}" if k else v for k, v in fields.items()), fields=fields
            )
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return SignIn(str(error.detail))
        case exceptions.PermissionDenied() | PermissionDenied():
            return NotAllowed(str(getattr(error, "detail", "")) or "You may not do this")
        case exceptions.NotFound() | Http404():
            return NotFound("There is nothing here")
        case exceptions.MethodNotAllowed():
            return BadMethod(str(error.detail))
        case exceptions.Throttled():
            return TooMany(f"Too many requests; wait {int(error.wait or 1)} s")
        case exceptions.ParseError() | exceptions.UnsupportedMediaType():
            return Unreadable(str(error.detail))
        case exceptions.APIException() if error.status_code < 500:
            return Invalid(str(error.detail))
        case DataError() if "\\u0000" in str(error) or "NUL" in str(error):
            return Invalid("Text may not hold NUL characters")
    return None


def _flat(detail: Any, path: str = "") -> Any:
    if isinstance(detail, dict):
        for key, below in detail.items():
            name = "" if key == "non_field_errors" else str(key)
            yield from _flat(below, ".".join(filter(None, [path, name])))
    elif isinstance(detail, list) and any(isinstance(one, dict | list) for one in detail):
        for index, below in enumerate(detail):
            yield from _flat(below, f"{path}[{index}]")
    else:
        yield path, " ".join(map(str, detail)) if isinstance(detail, list) else str(detail)


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler; None lets what is ours go on to Django's own 500."""
    told = as_user_error(error)
    if told is None:
        return None
    set_rollback()
    response = Response(told.as_body(), status=told.status)
    if (wait := getattr(error, "wait", None)) or (wait := getattr(error, "retry_after_s", None)):
        response["Retry-After"] = str(int(wait) + 1)
    if told.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def page_not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse(NotFound("There is nothing here").as_body(), status=404)


def server_error(request: HttpRequest) -> JsonResponse:
    return JsonResponse(Ours("The Hub failed to do this").as_body(), status=500)


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse(Unreadable("The request cannot be read").as_body(), status=400)


def csrf_failed(request: HttpRequest, reason: str = "") -> JsonResponse:
    error = NotAllowed(
        "The request has no valid CSRF token",
        hint="Send the csrftoken cookie's value as X-CSRFToken.",
    )
    return JsonResponse(error.as_body(), status=403)
