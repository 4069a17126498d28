"""Migration operations of ours: a tenant's table, the app's grants.

Import them from `hub.common.migrations`.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, models
from django.db.migrations.operations.base import Operation, OperationCategory

SCOPE = "nullif(current_setting('wistro.organization_id', true), '')::uuid"


def role(alias: str) -> str:
    """The quoted role behind a database alias: `default` is the app's, `ingest` the intake's."""
    return '"' + str(connections[alias].settings_dict["USER"]).replace('"', '""') + '"'


class TenantTable(Operation):
    """Lay the second wall for a model made in the same migration: row-level security, forced.

    Each foreign key to another tenant's table also gets a constraint that both rows are of one organization,
    so that no bug can tie two tenants together. `constrained=False` leaves those out (partitioned tables).
    """

    category = OperationCategory.SQL
    reversible = True

    def __init__(
        self, name: str, *, column: str = "organization_id", constrained: bool = True
    ) -> None:
        self.name, self.column, self.constrained = name, column, constrained

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return "TenantTable", [self.name], {"column": self.column, "constrained": self.constrained}

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        table = model._meta.db_table
        for statement in (
            f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
            f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
            f'CREATE POLICY "{table}_of_the_tenant" ON "{table}" USING ("{self.column}" = {SCOPE}) WITH CHECK ("{self.column}" = {SCOPE})',
        ):
            schema_editor.execute(statement)
        if self.constrained and self.column != "id":
            schema_editor.execute(
                f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_organization_and_id" UNIQUE (organization_id, "{model._meta.pk.column}")'
            )
            for field in tenant_foreign_keys(model):
                schema_editor.execute(same_tenant(model, field))

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        table = from_state.apps.get_model(app_label, self.name)._meta.db_table
        schema_editor.execute(f'DROP POLICY "{table}_of_the_tenant" ON "{table}"')
        schema_editor.execute(f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY')
        schema_editor.execute(f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY')

    def describe(self) -> str:
        return f"Put row-level security on {self.name}"


class SameTenant(Operation):
    """The same-organization constraint of one foreign key that was added after its table was laid."""

    category = OperationCategory.SQL
    reversible = True

    def __init__(self, model: str, field: str) -> None:
        self.model, self.field = model, field

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return "SameTenant", [self.model, self.field], {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model)
        schema_editor.execute(same_tenant(model, model._meta.get_field(self.field)))

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model)
        name = _constraint(model, model._meta.get_field(self.field))
        schema_editor.execute(f'ALTER TABLE "{model._meta.db_table}" DROP CONSTRAINT "{name}"')

    def describe(self) -> str:
        return f"Hold {self.model}.{self.field} inside its organization"


def tenant_foreign_keys(model: type[models.Model]) -> list[Any]:
    """The model's foreign keys whose other end is a tenant's table as well."""
    return [
        field
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.ForeignKey)
        and field.db_constraint
        and any(
            one.name == "organization" for one in field.related_model._meta.local_concrete_fields
        )
    ]


def same_tenant(model: type[models.Model], field: Any) -> str:
    target = field.related_model._meta
    return (
        f'ALTER TABLE "{model._meta.db_table}" ADD CONSTRAINT "{_constraint(model, field)}" '
        f'FOREIGN KEY (organization_id, "{field.column}") REFERENCES "{target.db_table}" (organization_id, "{target.pk.column}") '
        "DEFERRABLE INITIALLY DEFERRED"
    )


def _constraint(model: type[models.Model], field: Any) -> str:
    return f"{model._meta.db_table}_{field.name}_of_one_tenant"[:63]


class Grants(Operation):
    """The app role may read and write rows of every table, made already or later, and change none of them."""

    category = OperationCategory.SQL
    reversible = True

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        app, ingest = role("default"), role("ingest")
        for statement in (
            f"GRANT USAGE ON SCHEMA public TO {app}, {ingest}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app}",
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {app}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {app}",
        ):
            schema_editor.execute(statement)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        pass

    def describe(self) -> str:
        return "Grant the app role rows, not tables"


class Grant(Operation):
    """Rights on one table for the role behind a database alias: `Grant("lines", "INSERT", to="ingest")`."""

    category = OperationCategory.SQL
    reversible = True

    def __init__(self, table: str, rights: str, *, to: str) -> None:
        self.table, self.rights, self.to = table, rights, to

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return "Grant", [self.table, self.rights], {"to": self.to}

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        schema_editor.execute(f'GRANT {self.rights} ON "{self.table}" TO {role(self.to)}')

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        schema_editor.execute(f'REVOKE {self.rights} ON "{self.table}" FROM {role(self.to)}')

    def describe(self) -> str:
        return f"Grant {self.to} {self.rights} on {self.table}"
