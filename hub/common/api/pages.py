"""Lists in pages by key, never by offset: {"items": […], "next": cursor|null}."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request

from hub.common.api.errors import Invalid

LIMIT = 50
MOST = 200


def limit_of(request: Request, *, usual: int = LIMIT, most: int = MOST) -> int:
    text = request.query_params.get("limit", str(usual))
    if not (text.isdecimal() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        raise Invalid(f"`limit` is a number from 1 to {most}", fields={"limit": f"1 to {most}"})
    return int(text)


def page(
    request: Request, found: QuerySet, show: Callable[[Any], Any], *, newest_first: bool = True
) -> dict[str, Any]:
    """One page by id (UUIDv7, so by age); `?before=` takes the cursor that `next` gave."""
    limit = limit_of(request)
    if cursor := request.query_params.get("before"):
        found = found.filter(**{"pk__lt" if newest_first else "pk__gt": _cursor(cursor)})
    items = list(found.order_by("-pk" if newest_first else "pk")[: limit + 1])
    following = str(items[limit - 1].pk) if len(items) > limit else None
    return {"items": [show(one) for one in items[:limit]], "next": following}


def _cursor(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid(
            "`before` is not a cursor of this list", fields={"before": "unknown"}
        ) from error
