"""Checks at start: a model with an organization is a TenantModel, and its managers are the closed ones."""

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register
from django.db import models

from hub.common.tenancy import TenantManager


def tenant_models() -> list[type[models.Model]]:
    """Every model whose rows belong to an organization, the organization itself too."""
    return [
        model
        for model in apps.get_models()
        if any(field.name == "organization" for field in model._meta.local_concrete_fields)
        or hasattr(model, "tenant_column")
    ]


@register
def tenant_models_fail_closed(app_configs: Any, **_: Any) -> list[CheckMessage]:
    return [
        Error(
            f"{model._meta.label} has a manager that does not close without a tenant scope",
            hint="Derive it from hub.common.tenancy.TenantModel and add no other manager.",
            id="wistro.E001",
        )
        for model in tenant_models()
        if not hasattr(model, "tenant_column")
        or not all(
            isinstance(one, TenantManager)
            for one in (*model._meta.managers, model._base_manager, model._default_manager)
        )
    ]
