"""Users and organizations, and who is a member of which. Sign-up and passwords are django-allauth's."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from hub.common.tenancy import TenantManager, TenantModel
from wistro.protocol.ids import new_id

SLUG_LONGEST = 19  # an address label `v3--<environment>--<project>--<organization>` holds 63
OWNER, MEMBER = "owner", "member"


class Users(BaseUserManager):
    def create_user(self, email: str, password: str | None = None, **more: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **more)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person. Belongs to no organization by itself, so the table is no tenant's."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=100, blank=True, default="")
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[Users] = Users()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "users"
        constraints = [
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="emails_are_in_lower_case"
            )
        ]

    def __str__(self) -> str:
        return self.email


class Organization(models.Model):
    """A tenant. Its own row stands behind the walls too: `id` is its tenant column."""

    tenant_column: ClassVar[str] = "id"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.CharField(max_length=SLUG_LONGEST, unique=True)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[Any] = TenantManager()

    class Meta:
        db_table = "organizations"
        base_manager_name = "objects"
        constraints = [
            models.CheckConstraint(
                condition=Q(slug__regex=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
                & ~Q(slug__contains="--"),
                name="organization_slugs_fit_an_address",
            )
        ]

    def __str__(self) -> str:
        return self.slug


class Member(TenantModel):
    """A user's place in an organization, and who gave it."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    role = models.CharField(max_length=10)
    added_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    added_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "members"
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="users_are_members_once"),
            models.CheckConstraint(
                condition=Q(role__in=[OWNER, MEMBER]), name="members_are_owner_or_member"
            ),
        ]
        indexes = [models.Index(fields=["user", "organization"], name="members_by_user")]


class Token(models.Model):
    """What a program shows instead of a password; we keep its hash. It acts for its user, within its scopes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    sha256 = models.BinaryField(max_length=32)
    ending = models.CharField(max_length=4)  # so that its owner knows it again
    scopes = models.JSONField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "tokens"
        constraints = [models.UniqueConstraint(fields=["sha256"], name="token_hashes_are_unique")]
        indexes = [models.Index(fields=["user", "-id"], name="tokens_by_user")]


class LoginCode(models.Model):
    """One authorization code of the CLI's login: shown once, good for 60 s, kept so that a second use is noticed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    sha256 = models.BinaryField(max_length=32)
    client_id = models.CharField(max_length=40)
    redirect_uri = models.CharField(max_length=200)
    scope = models.CharField(max_length=200)
    code_challenge = models.CharField(max_length=128)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    token = models.ForeignKey(Token, models.SET_NULL, null=True, related_name="+")

    class Meta:
        db_table = "login_codes"
        constraints = [
            models.UniqueConstraint(fields=["sha256"], name="login_code_hashes_are_unique")
        ]
        indexes = [models.Index(fields=["expires_at"], name="login_codes_by_end")]

    # Authlib asks by these names
    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope
