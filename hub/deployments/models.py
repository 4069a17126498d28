"""Versions, the builds that make them, and deployments: a version in an environment with one revision of its variables.

Weights are hub/ingress's; which machine runs an environment is hub/fleet's.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from hub.accounts.models import User
from hub.common.tenancy import TenantManager, TenantModel, TenantQuerySet
from hub.projects.models import Environment, Project

BUILD_STATES = (
    "queued", "fetching", "installing", "compiling", "uploading",
    "ready", "failed", "cancelled", "superseded",
)  # fmt: skip
ENDED = ("ready", "failed", "cancelled", "superseded")
DEPLOYMENT_STATES = ("starting", "healthy", "draining", "stopped", "failed")


class Version(TenantModel):
    """One immutable commit or upload of a project; `number` counts 1, 2, 3 in it. Its state is its build's.

    `lock` and `bundle` (sha256 of the Bundle's JSON) are there once it is ready, and never change.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, default="queued")
    source = models.CharField(max_length=6)  # git | upload
    upload = models.CharField(max_length=64, blank=True, default="")  # bundle that was sent
    sha = models.CharField(max_length=64, blank=True, default="")
    branch = models.CharField(max_length=255, blank=True, default="")
    message = models.TextField(blank=True, default="")
    author = models.CharField(max_length=255, blank=True, default="")
    committed_at = models.DateTimeField(null=True)
    push = models.CharField(
        max_length=100, blank=True, default=""
    )  # which telling of this head it is
    to = models.ForeignKey(Environment, models.SET_NULL, null=True, related_name="+")  # once ready
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    ready_at = models.DateTimeField(null=True)
    lock = models.TextField(blank=True, default="")
    lock_digest = models.CharField(max_length=80, blank=True, default="")
    bundle = models.CharField(max_length=64, blank=True, default="")
    endpoints = models.JSONField(default=list)  # of wistro.protocol.routing.Endpoint, from the lock
    lock_changes = models.JSONField(default=list)  # against the ready version before it, in words

    class Meta:
        db_table = "versions"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "number"], name="version_numbers_are_unique_in_a_project"
            ),
            models.UniqueConstraint(
                fields=["project", "branch", "sha", "push"],
                condition=Q(source="git"),
                name="a_pushed_head_is_one_version",
            ),
            models.CheckConstraint(
                condition=Q(state__in=BUILD_STATES), name="version_states_are_build_states"
            ),
            models.CheckConstraint(
                condition=~Q(state="ready")
                | (~Q(bundle="") & ~Q(lock="") & Q(ready_at__isnull=False)),
                name="ready_versions_have_lock_and_bundle",
            ),
        ]


class Build(TenantModel):
    """The making of a version by a builder. Leased: one whose lease passes is handed out again, three times at most."""

    version = models.OneToOneField(Version, models.CASCADE, related_name="build")
    state = models.CharField(max_length=10, default="queued")
    attempt = models.PositiveIntegerField(default=0)
    machine = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    cancel_asked_at = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(db_default=Now(), editable=False)
    fetching_at = models.DateTimeField(null=True)
    installing_at = models.DateTimeField(null=True)
    compiling_at = models.DateTimeField(null=True)
    uploading_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    problems = models.JSONField(default=list)  # of wistro.protocol.machine.Problem

    class Meta:
        db_table = "builds"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=BUILD_STATES), name="build_states_are_known"
            ),
            models.CheckConstraint(
                condition=(Q(state__in=ENDED) & Q(ended_at__isnull=False))
                | (~Q(state__in=ENDED) & Q(ended_at__isnull=True)),
                name="ended_builds_have_an_end",
            ),
        ]
        indexes = [
            models.Index(
                fields=["queued_at", "id"],
                condition=Q(ended_at__isnull=True),
                name="builds_still_to_do",
            )
        ]


class BuildLine(TenantModel):
    """One line of a build's log; `seq` counts within an attempt of it."""

    build = models.ForeignKey(Build, models.CASCADE, related_name="lines")
    attempt = models.PositiveIntegerField()
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    stage = models.CharField(max_length=10)
    text = models.TextField()

    class Meta:
        db_table = "build_lines"
        constraints = [
            models.UniqueConstraint(
                fields=["build", "attempt", "seq"], name="build_lines_are_counted_once"
            )
        ]


class Blob(TenantModel):
    """That a project may read a blob: it uploaded it, or one of its builds did. The bytes are shared by hash."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    added_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "blobs"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "sha256"], name="blobs_are_listed_once_a_project"
            )
        ]


class DeploymentQuerySet(TenantQuerySet):
    def with_version(self, *more: str) -> DeploymentQuerySet:
        """Read with their versions, but without those's locks: of a page of them each may be 4 MiB."""
        return self.select_related("version", *more).defer("version__lock")


class Deployment(TenantModel):
    """A version in an environment with one revision of its variables. `promotes`: takes all traffic once healthy.

    `succeeds` is the deployment whose weight it takes over once healthy (its variables changed).
    """

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="deployments")
    version = models.ForeignKey(Version, models.RESTRICT, related_name="deployments")
    revision = models.PositiveIntegerField()
    state = models.CharField(max_length=10, default="starting")
    promotes = models.BooleanField(default=False)
    succeeds = models.ForeignKey("self", models.SET_NULL, null=True, related_name="successors")
    error = models.TextField(blank=True, default="")
    live_runs = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    healthy_at = models.DateTimeField(null=True)
    idle_since = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)

    objects: ClassVar[Any] = TenantManager.from_queryset(DeploymentQuerySet)()

    class Meta:
        db_table = "deployments"
        base_manager_name = "objects"
        default_manager_name = "objects"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=DEPLOYMENT_STATES), name="deployment_states_are_known"
            )
        ]
        indexes = [
            models.Index(
                fields=["environment", "id"],
                condition=~Q(state__in=["stopped", "failed"]),
                name="deployments_alive",
            )
        ]
