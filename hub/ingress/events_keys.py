"""The key with which other systems send events to an environment (`/_wistro/events/<topic>`).

At most two are valid at once, so that a sender can be given a new one before the old one ends.
"""

from __future__ import annotations

import hashlib
import secrets

from hub.accounts.models import User
from hub.ingress.actions import locked_traffic, touch
from hub.ingress.models import EventsKey
from hub.projects.models import Environment

PREFIX = "wev_"
SHOWN = 10
MOST = 2


def keys_of(environment: Environment) -> list[EventsKey]:
    """Newest first."""
    found = EventsKey.objects.filter(environment=environment).select_related("made_by")
    return list(found.order_by("-pk"))


def make(environment: Environment, *, by: User | None) -> tuple[EventsKey, str]:
    """A new key, and what nobody is told again. The one before stays valid; older ones end."""
    traffic = locked_traffic(environment)
    key = PREFIX + secrets.token_urlsafe(32)
    made = EventsKey.objects.create(
        environment=environment,
        sha256=hashlib.sha256(key.encode()).hexdigest(),
        start=key[:SHOWN],
        made_by=by,
    )
    _end(keys_of(environment)[MOST:])
    touch(traffic)
    return made, key


def end_older(environment: Environment) -> int:
    """From now on the newest key alone is valid; how many ended."""
    traffic = locked_traffic(environment)
    older = keys_of(environment)[1:]
    _end(older)
    touch(traffic)
    return len(older)


def _end(keys: list[EventsKey]) -> None:
    EventsKey.objects.filter(pk__in=[one.pk for one in keys]).delete()
