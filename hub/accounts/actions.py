"""What changes organizations: making one, adding and removing members."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction

from hub.accounts.models import MEMBER, OWNER, SLUG_LONGEST, Member, Organization, User
from hub.common import doors, labels
from hub.common.api.errors import Conflict, Invalid, NotFound
from hub.common.tenancy import tenant
from wistro.protocol.ids import new_id

TRIES = 20
MOST_ORGANIZATIONS = 50  # whose names every page of theirs asks for, one by one
# First parts of the Hub's own addresses
RESERVED = frozenset(
    [
        "account",
        "admin",
        "api",
        "app",
        "assets",
        "docs",
        "fleet",
        "help",
        "hooks",
        "hub",
        "github",
        "invite",
        "live",
        "login",
        "logout",
        "machine",
        "me",
        "new",
        "oauth",
        "outbox",
        "reset",
        "settings",
        "sign-in",
        "sign-out",
        "sign-up",
        "static",
        "status",
        "support",
        "verify-email",
        "wistro",
        "www",
    ]
)


class SlugTaken(Conflict):
    """Another organization has this slug."""

    code = "organization.slug-taken"
    hint = "Choose another name or slug; it stands in your endpoints' addresses."


class TooManyOrganizations(Conflict):
    """A person can be in a limited number of organizations when they make one more."""

    code = "organization.too-many"
    hint = "Make a project in one that you have, or leave one."


class LastOwner(Conflict):
    """The last owner of an organization may neither leave it nor become a member."""

    code = "organization.last-owner"
    hint = "Make someone else an owner first."


def make_organization(name: str, *, slug: str | None, by: User) -> Organization:
    """A new organization with its maker as owner. Without a slug, one is made of the name."""
    if len(doors.memberships_of(by.pk)) >= MOST_ORGANIZATIONS:
        raise TooManyOrganizations(f"You are in {MOST_ORGANIZATIONS} organizations already")
    wished = slug or labels.from_name(name, longest=SLUG_LONGEST) or f"org-{new_id().hex[-6:]}"
    for number in range(1, 2 if slug else TRIES):
        label = labels.numbered(wished, number, longest=SLUG_LONGEST)
        if not slug and labels.is_kept(label, RESERVED):
            continue
        labels.checked(label, field="slug", longest=SLUG_LONGEST, reserved=RESERVED)
        organization = Organization(slug=label, name=name)
        with tenant(organization.pk):
            if _inserted(organization):
                Member.objects.create(user=by, role=OWNER, added_by=by)
                return organization
    raise SlugTaken(f"The slug `{wished}` is taken", fields={"slug": "taken"})


def _inserted(organization: Organization) -> bool:
    try:
        with transaction.atomic():
            organization.save(force_insert=True)
    except IntegrityError as error:
        if "slug" not in str(error):
            raise
        return False
    return True


def set_member(email: str, role: str, *, by: User) -> Member:
    """Add the user with this e-mail to the scope's organization, or change their role. Invitations come later."""
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        raise Invalid(
            "Nobody has signed up with this e-mail",
            hint="Ask them to sign up first; then add them.",
            fields={"email": "not signed up"},
        )
    _one_by_one()
    member = Member.objects.filter(user=user).first()
    if member is None:
        return Member.objects.create(user=user, role=role, added_by=by)
    if member.role != role:
        _keep_an_owner(member, becomes=role)
        member.role = role
        member.save(update_fields=["role"])
    return member


def remove_member(user_id: UUID) -> None:
    """Their session and tokens stay theirs, but open nothing here any more; sockets are closed within 5 s."""
    _one_by_one()
    member = Member.objects.filter(user_id=user_id).first()
    if member is None:
        raise NotFound("They are no member")
    _keep_an_owner(member, becomes=None)
    member.delete()


def _one_by_one() -> None:
    """Changes of an organization's members wait for each other: two owners may leave, but not both be the last."""
    Organization.objects.select_for_update(no_key=True).get()


def _keep_an_owner(member: Member, *, becomes: str | None) -> None:
    owners = Member.objects.filter(role=OWNER).count()
    if member.role == OWNER and becomes != OWNER and owners == 1:
        raise LastOwner("They are the organization's only owner")


ROLES = (OWNER, MEMBER)
