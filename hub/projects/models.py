"""Projects and environments, and each setting of a variable that was ever made.

What an environment serves (weights, generations) is hub/ingress's; what a project is built from, hub/sources's.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from hub.accounts.models import SLUG_LONGEST, User
from hub.common.tenancy import TenantModel

ENVIRONMENT_LONGEST = 12
FIRST_ENVIRONMENTS = ("dev", "staging", "prod")
LABEL = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"


class Project(TenantModel):
    slug = models.CharField(max_length=SLUG_LONGEST)
    name = models.CharField(max_length=100)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "projects"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "slug"], name="project_slugs_are_unique_in_an_organization"
            ),
            models.CheckConstraint(
                condition=Q(slug__regex=LABEL) & ~Q(slug__contains="--"),
                name="project_slugs_fit_an_address",
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class Environment(TenantModel):
    """`revision` counts the changes of its variables; a deployment runs with one revision of them."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="environments")
    name = models.CharField(max_length=ENVIRONMENT_LONGEST)
    revision = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "environments"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"], name="environment_names_are_unique_in_a_project"
            ),
            models.CheckConstraint(
                condition=Q(name__regex=LABEL) & ~Q(name__contains="--"),
                name="environment_names_fit_an_address",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Variable(TenantModel):
    """One setting of one name, made at a revision of its environment. Without `sealed` it is a removal.

    Rows are only added, so that a deployment's revision can be read again for as long as it lives.
    """

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="variables")
    name = models.CharField(max_length=100)
    revision = models.PositiveIntegerField()
    sealed = models.BinaryField(null=True)
    secret = models.BooleanField(default=True)
    set_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    set_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "variables"
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "name", "revision"], name="variables_are_set_once_a_revision"
            ),
            models.CheckConstraint(
                condition=Q(name__regex=r"^[A-Z][A-Z0-9_]*$"), name="variable_names_are_upper_case"
            ),
        ]

    @property
    def bound_to(self) -> str:
        """What its value is sealed to: in any other row it does not open. Costs the environment, once."""
        return f"{self.organization_id}|{self.environment.project_id}|{self.environment_id}|{self.name}"  # type: ignore[attr-defined]
