"""Who has lost the right to listen: asked for all sockets of a process at once, so it costs the same for one or many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest
from uuid import UUID

from django.contrib.sessions.models import Session
from django.utils import timezone

from hub.accounts.models import User
from hub.common import doors


@dataclass(frozen=True)
class Listener:
    """One socket: its session, and the organizations of what it listens to."""

    session_key: str
    session_hash: str  # changes with the password
    user_id: UUID
    organizations: frozenset[UUID]


def lost(listeners: Sequence[Listener]) -> set[int]:
    """The places in the list of those signed out, deactivated, with another password, or no members any more."""
    asked = {(one.user_id, organization) for one in listeners for organization in one.organizations}
    users_asked, organizations_asked = [pair[0] for pair in asked], [pair[1] for pair in asked]
    members = (
        {tuple(row) for row in doors.rows("members_among", users_asked, organizations_asked)}
        if asked
        else set()
    )
    users = User.objects.filter(pk__in={one.user_id for one in listeners}, is_active=True)
    hash_by_user = {user.pk: user.get_session_auth_hash() for user in users}
    keys = {one.session_key for one in listeners}
    signed_in = set(
        Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now()).values_list(
            "session_key", flat=True
        )
    )
    return {
        place
        for place, one in enumerate(listeners)
        if one.session_key not in signed_in
        or not compare_digest(hash_by_user.get(one.user_id, ""), one.session_hash)
        or any((one.user_id, organization) not in members for organization in one.organizations)
    }
