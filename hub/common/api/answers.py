"""Every error leaves in one shape: {"error": {code, message, hint, fields}}.

What is not a UserError is ours: logged whole, answered 500 with nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, DataError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from hub.common.api.errors import (
    BadMethod,
    ChangedMeanwhile,
    Invalid,
    NotAllowed,
    NotFound,
    Ours,
    SignIn,
    TooMany,
    UnknownType,
    Unreadable,
)
from wistro.errors import UserError

log = structlog.get_logger()
CHANGED_MEANWHILE = (
    "23503",
    "40P01",
    "40001",
)  # a foreign key's other end gone, a deadlock, a lost race


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
        case exceptions.UnsupportedMediaType():
            return UnknownType(str(error.detail))
        case exceptions.ParseError():
            return Unreadable(str(error.detail))
        case exceptions.APIException() if error.status_code < 500:
            return Invalid(str(error.detail))
        case DataError() if "\\u0000" in str(error) or "NUL" in str(error):
            return Invalid("Text may not hold NUL characters")
        case DataError():
            # What was sent fits no column. A serializer should have said so, and which field.
            log.warning("api.does-not-fit", exc_info=error)
            return Invalid("A number or text is larger than what can be kept")
        case DatabaseError() if _sqlstate(error) in CHANGED_MEANWHILE or _is_gone(error):
            log.warning("api.changed-meanwhile", exc_info=error)
            return ChangedMeanwhile("What this is about was changed or removed at the same moment")
    return None


def _sqlstate(error: BaseException) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)


def _is_gone(error: DatabaseError) -> bool:
    """Django's `save(update_fields=…)` of a row that another request removed has no type of its own."""
    return error.__cause__ is None and "did not affect any rows" in str(error)


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


class LateErrors:
    """Answers what fails outside our views: at the commit (deferred constraints), and in a package's reading of JSON."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> JsonResponse | None:
        told = as_user_error(error) if isinstance(error, DatabaseError) else None
        if isinstance(error, RecursionError) and "decoding a JSON" in str(error):
            told = Unreadable("The body is nested too deeply")  # allauth reads its own
        return told and JsonResponse(told.as_body(), status=told.status)


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
