"""`manage.py make_demo`: the user and project that `make up` shows. May run at any time; prints one JSON line.

Password and token are derived from WISTRO_SECRET_KEY, so they stay the same and are kept nowhere in the clear.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from hub.accounts.actions import make_organization
from hub.accounts.authentication import PREFIX, hashed
from hub.accounts.models import Token, User
from hub.common import doors
from hub.common.api.access import SCOPES
from hub.common.settings import SETTINGS
from hub.common.tenancy import tenant
from hub.projects.actions import make_project, set_variable
from hub.projects.models import Environment, Project
from hub.projects.queries import address_of, variables_at
from wistro.errors import UserError

EMAIL = "demo@example.com"
ORGANIZATION, PROJECT, ENVIRONMENT = "demo", "shop", "dev"
STOCK_SECRET = "STOCK_SECRET"  # what the example's webhook is signed with
TOKEN_LASTS = timedelta(days=90)


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, **_: Any) -> None:
        if SETTINGS.is_production:
            raise CommandError("The demo's password is no secret of one person: not in production")
        try:
            with transaction.atomic():
                made = make()
        except UserError as error:
            raise CommandError(f"{error.message} [{error.code}]") from error
        self.stdout.write(json.dumps(made))


def make() -> dict[str, str]:
    user = _user(password := _derived("password", length=16))
    token = _token(user)
    place = doors.organization_called(ORGANIZATION, user.pk)
    if place is None:
        organization_id = make_organization("Demo", slug=ORGANIZATION, by=user).pk
    else:
        organization_id = place.organization_id
    with tenant(organization_id):
        project = Project.objects.filter(slug=PROJECT).first()
        project = project or make_project("Shop", slug=PROJECT, by=user)
        environment = Environment.objects.get(project=project, name=ENVIRONMENT)
        if STOCK_SECRET not in variables_at(environment):
            secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
            set_variable(environment, STOCK_SECRET, secret, secret=True, by=user)
        return {
            "email": EMAIL,
            "password": password,
            "token": token,
            "project": f"{ORGANIZATION}/{PROJECT}",
            "address": address_of(ENVIRONMENT, PROJECT, ORGANIZATION),
        }


def _user(password: str) -> User:
    user = User.objects.filter(email=EMAIL).first()
    user = user or User.objects.create_user(EMAIL, password, name="Demo")
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    verified = {"verified": True, "primary": True}
    EmailAddress.objects.update_or_create(user=user, email=EMAIL, defaults=verified)
    return user


def _token(user: User) -> str:
    text = PREFIX + _derived("token", length=48)
    Token.objects.update_or_create(
        sha256=hashed(text),
        defaults={
            "user": user,
            "name": "make up",
            "ending": text[-4:],
            "scopes": list(SCOPES),
            "expires_at": timezone.now() + TOKEN_LASTS,
        },
    )
    return text


def _derived(what: str, *, length: int) -> str:
    digest = hmac.digest(SETTINGS.secret_key.encode(), f"demo {what}".encode(), hashlib.sha256)
    return base64.b32encode(digest).decode().lower()[:length]
