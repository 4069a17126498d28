"""What connects a project to a git host, and what was heard and seen of its branches.

What is built from a pushed head is hub/deployments's Version.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from hub.accounts.models import User
from hub.common.tenancy import TenantModel
from hub.common.work import WorkRow, due_index
from hub.deployments.models import Version
from hub.projects.models import Project
from hub.sources.hosts.port import BRANCH_LONGEST
from wistro.protocol.ids import new_id


class App(models.Model):
    """The Hub's GitHub App on one host, made by the manifest flow. It is the whole Hub's, so the table is no tenant's.

    `sealed`: its private key and secrets as JSON. An App named by WISTRO_GITHUB_APP comes before it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    host = models.CharField(max_length=200, unique=True)  # https://github.com
    app_id = models.BigIntegerField()
    slug = models.CharField(max_length=100)
    client_id = models.CharField(max_length=100)
    sealed = models.BinaryField()
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "github_apps"

    @property
    def bound_to(self) -> str:
        return f"github-app|{self.host}|{self.app_id}"


class Installation(TenantModel):
    """An installation of the App that a member of this organization showed to be theirs.

    `repository_ids`: those that they may see at GitHub; null: all of them, since the account is theirs. The App itself
    sees what its owner gave it, which a mere collaborator must not read through us.
    """

    host = models.CharField(max_length=200)
    installation_id = models.BigIntegerField()
    account = models.CharField(max_length=100)
    verified_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    verified_at = models.DateTimeField(db_default=Now(), editable=False)
    repository_ids = ArrayField(models.BigIntegerField(), null=True, default=list)
    suspended_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "installations"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "host", "installation_id"],
                name="installations_are_listed_once_an_organization",
            )
        ]
        indexes = [models.Index(fields=["host", "installation_id"], name="installations_by_host")]


class Source(TenantModel):
    """Where a project's code is. `read_due_at` is when its refs are read next; `reading` numbers the readings.

    github: `repository` (owner/name, empty until chosen), `repository_id` (which a renaming keeps), `installation`.
    git: `url`, and the webhook's secret in `sealed`.
    """

    project = models.OneToOneField(Project, models.CASCADE, related_name="source")
    kind = models.CharField(max_length=6)
    repository = models.CharField(max_length=500, blank=True, default="")
    repository_id = models.BigIntegerField(null=True)
    installation = models.ForeignKey(
        Installation, models.SET_NULL, null=True, related_name="sources"
    )
    url = models.CharField(max_length=2000, blank=True, default="")
    sealed = models.BinaryField(null=True)
    default_branch = models.CharField(max_length=BRANCH_LONGEST, blank=True, default="")
    is_polled = models.BooleanField(default=False)  # no webhook reaches us from there
    problem_code = models.CharField(max_length=100, blank=True, default="")
    problem = models.TextField(blank=True, default="")
    connected_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    connected_at = models.DateTimeField(db_default=Now(), editable=False)
    read_due_at = models.DateTimeField(null=True, db_default=Now())
    reading = models.PositiveBigIntegerField(default=0)  # handed out last
    read = models.PositiveBigIntegerField(default=0)  # applied last: an older one is not
    read_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "sources"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="github", url="", sealed=None)
                | (Q(kind="git", installation=None, sealed__isnull=False) & ~Q(url="")),
                name="sources_are_of_github_or_any_git",
            ),
        ]
        indexes = [
            models.Index(
                fields=["read_due_at", "id"],
                name="sources_due",
                condition=Q(read_due_at__isnull=False),
            ),
            models.Index(fields=["repository_id"], name="sources_by_repository"),
        ]

    @property
    def bound_to(self) -> str:
        return f"{self.organization_id}|source|{self.pk}|hook"


class Ref(TenantModel):
    """A branch as it was last read from the host."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="refs")
    branch = models.CharField(max_length=BRANCH_LONGEST)
    head = models.CharField(max_length=64)
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "refs"
        constraints = [
            models.UniqueConstraint(fields=["source", "branch"], name="refs_are_one_a_branch")
        ]


class Head(TenantModel):
    """A commit that was a branch's head: how often that was told by a webhook, and how often seen by reading.

    One push is told at most once and seen at most once, so there were at least max(told, seen) pushes of it; that many
    versions are made, in whatever order, how often and whether at all the host told us.
    """

    source = models.ForeignKey(Source, models.CASCADE, related_name="heads")
    branch = models.CharField(max_length=BRANCH_LONGEST)
    sha = models.CharField(max_length=64)
    told = models.PositiveIntegerField(default=0)
    seen = models.PositiveIntegerField(default=0)
    made = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "heads"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "branch", "sha"], name="heads_are_counted_in_one_row"
            )
        ]


class ConnectState(TenantModel):
    """A one-time state of a flow through GitHub's pages: of one session, user and project, for a quarter of an hour."""

    sha256 = models.BinaryField(unique=True)
    purpose = models.CharField(max_length=7)  # app | install
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    session = models.CharField(max_length=64)  # sha256 of its key
    picked = models.BigIntegerField(null=True)  # the installation that was chosen on our page
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "connect_states"


class Hook(WorkRow):
    """A webhook, written down as it came before it is answered. The host's id of it is taken once."""

    kind = models.CharField(max_length=6)
    source = models.ForeignKey(Source, models.CASCADE, null=True, related_name="+")
    delivery = models.CharField(max_length=200)
    event = models.CharField(max_length=100)
    body = models.BinaryField()
    received_at = models.DateTimeField(db_default=Now(), editable=False)
    applied_at = models.DateTimeField(null=True)  # what it says is counted, so never again

    class Meta:
        db_table = "hooks"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "delivery"], name="deliveries_are_taken_once"
            )
        ]
        indexes = [due_index("hooks")]


class Check(TenantModel):
    """A version's check run on the host. `claimed_until`: someone is making it."""

    version = models.OneToOneField(Version, models.CASCADE, related_name="check_run")
    check_id = models.BigIntegerField(null=True)
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "commit_checks"


class Report(WorkRow):
    """That a version's build moved on and the host is to be told; what it is told is the state at that time."""

    version = models.ForeignKey(Version, models.CASCADE, related_name="+")
    state = models.CharField(max_length=10)

    class Meta:
        db_table = "commit_reports"
        indexes = [due_index("commit_reports")]
