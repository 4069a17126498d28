"""Users, organizations, members, tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from hub.accounts.models import MEMBER, OWNER, Member, Organization, Token, User
from hub.common.tenancy import tenant
from tests.factories.registry import World, makes
from wistro.protocol.ids import new_id


def unique() -> str:
    return new_id().hex[-12:]


def a_user(*, email: str | None = None, password: str | None = None, **more: Any) -> User:
    return User.objects.create_user(email or f"{unique()}@example.test", password, **more)


def an_organization(*, owner: User | None = None, slug: str | None = None) -> Organization:
    """With one owner."""
    organization = Organization(slug=slug or f"o-{unique()}", name="An organization")
    with tenant(organization.pk):
        organization.save(force_insert=True)
    a_member(organization, user=owner or a_user(), role=OWNER)
    return organization


def a_member(
    organization: Organization | UUID, *, user: User | None = None, role: str = MEMBER
) -> Member:
    with tenant(organization):
        return Member.objects.create(user=user or a_user(), role=role)


def owner_of(organization: Organization | UUID) -> User:
    with tenant(organization):
        return Member.objects.select_related("user").filter(role=OWNER).earliest("id").user


def a_token(
    user: User, *, scopes: list[str] | None = None, lasts: timedelta = timedelta(days=90)
) -> str:
    """The token's text; only its hash is kept."""
    from django.utils import timezone

    from hub.accounts.authentication import PREFIX, hashed

    text = PREFIX + unique() * 4
    every = ["projects:read", "projects:write", "deploy", "datasets:read"]
    Token.objects.create(
        user=user,
        name="a token",
        sha256=hashed(text),
        ending=text[-4:],
        scopes=every if scopes is None else scopes,
        expires_at=timezone.now() + lasts,
    )
    return text


def a_world() -> World:
    """An organization with an owner and a member, for the tenant matrix."""
    owner = a_user()
    organization = an_organization(owner=owner)
    return World(organization, owner, a_member(organization).user)


@makes("user")
def _user(world: World) -> UUID:
    return world.member.pk


@makes("token")
def _token(world: World) -> UUID:
    a_token(world.owner)
    return world.owner.tokens.latest("id").pk
