"""Every error leaves in one shape: {"error": {code, message, hint, fields}}.

What is not a UserError is ours: logged whole, answered 500 with nothing of it.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from hub.common.api.errors import (
    BadMethod,
    Invalid,
    NotAllowed,
    NotFound,
    Ours,
    SignIn,
    TooMany,
    Unreadable,
)
from wistro.errors import UserError


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
