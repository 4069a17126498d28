"""Both walls: what the app role can reach with, without and across a tenant's scope."""

from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from hub.accounts.models import Member, Organization
from hub.common import doors
from hub.common.checks import tenant_models
from hub.common.operations import tenant_foreign_keys
from hub.common.tenancy import NoTenantScope, OtherTenant, tenant
from hub.projects.models import Environment, Project
from tests.factories.accounts import a_member, an_organization, owner_of
from tests.factories.projects import a_project, an_environment

pytestmark = pytest.mark.django_db


def rows(sql: str, *arguments: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        return cursor.fetchall()


def test_the_connection_is_no_superuser_owner_or_bypasser():
    (found,) = rows(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    )
    owned = rows(
        "SELECT count(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
    )

    assert found == ("wistro_app", False, False, False, False)
    assert owned == [(0,)]


def test_managers_raise_without_a_scope():
    for model in tenant_models():
        for manager in (*model._meta.managers, model._base_manager):
            with pytest.raises(NoTenantScope):
                manager.all()


def test_the_database_shows_no_row_without_a_scope():
    a_project()

    assert rows("SELECT * FROM projects") == rows("SELECT * FROM organizations") == []


def test_the_database_shows_only_the_scopes_rows():
    mine, other = a_project(), a_project()

    with tenant(mine.organization_id):
        assert rows("SELECT id FROM projects") == [(mine.pk,)]
        assert not Project.objects.filter(pk=other.pk).exists()


def test_scopes_nest_and_are_put_back():
    first, second = an_organization(), an_organization()

    with tenant(first):
        with tenant(second):
            assert Organization.objects.get() == second
        assert Organization.objects.get() == first
    with pytest.raises(NoTenantScope):
        Organization.objects.get()


def test_a_scope_ends_with_an_error_in_the_transaction():
    organization = an_organization()

    with pytest.raises(psycopg.Error), transaction.atomic(), tenant(organization):
        try:
            connection.cursor().execute("SELECT 1 / 0")
        except Exception as error:
            assert error.__cause__
            raise error.__cause__ from None

    assert rows("SELECT count(*) FROM organizations") == [(0,)]


def test_a_row_cannot_be_written_into_another_organization():
    mine, other = an_organization(), an_organization()

    with tenant(mine), pytest.raises(OtherTenant):
        Project(organization=other, slug="p", name="P").save()
    with tenant(mine), pytest.raises(Exception, match="row-level security"), transaction.atomic():
        Project.objects.bulk_create([Project(organization_id=other.pk, slug="p", name="P")])


def test_a_row_cannot_point_at_another_organizations():
    mine, theirs = an_organization(), a_project()

    with pytest.raises(IntegrityError, match="of_one_tenant"), transaction.atomic(), tenant(mine):
        Environment.objects.create(project_id=theirs.pk, name="dev")
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_every_tenant_table_has_its_policy_forced():
    for model in tenant_models():
        table = model._meta.db_table
        assert rows(
            "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass",
            table,
        ) == [(True, True)], f"{model._meta.label}: lay its table with TenantTable in its migration"
        (found,) = rows("SELECT qual, with_check FROM pg_policies WHERE tablename = %s", table)
        assert all(model.tenant_column in one and "wistro.organization_id" in one for one in found)


def test_every_table_with_an_organization_is_a_tenant_models():
    known = {model._meta.db_table for model in tenant_models()}
    found = rows(
        "SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "WHERE a.attname = 'organization_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
        "AND c.relnamespace = 'public'::regnamespace"
    )

    assert {name for (name,) in found} <= known


def test_foreign_keys_between_tenants_tables_are_held_in_one_organization():
    held = {name for (name,) in rows("SELECT conname FROM pg_constraint WHERE contype = 'f'")}
    for model in tenant_models():
        for field in tenant_foreign_keys(model):
            assert f"{model._meta.db_table}_{field.name}_of_one_tenant"[:63] in held


def test_doors_are_functions_of_the_owner_with_a_search_path():
    found = rows(
        "SELECT proname, prosecdef, pg_get_userbyid(proowner), proconfig FROM pg_proc WHERE pronamespace = 'doors'::regnamespace"
    )

    assert found
    for name, definer, owner, config in found:
        assert (definer, owner, config) == (
            True,
            "wistro_owner",
            ["search_path=pg_catalog, public, pg_temp"],
        ), name


def test_doors_tell_an_object_of_a_strangers_nothing():
    environment = an_environment()
    organization = an_organization()
    stranger = owner_of(organization)
    with tenant(environment.organization_id):
        slug = Organization.objects.get().slug

    assert doors.organization_of("environment", environment.pk, stranger.pk) is None
    assert doors.organization_called(slug, stranger.pk) is None
    assert [one.organization_id for one in doors.memberships_of(stranger.pk)] == [organization.pk]


def test_a_members_door_says_what_they_are():
    organization = an_organization()
    member = a_member(organization)

    assert doors.organization_called(organization.slug, member.user_id) == doors.Place(
        organization.pk, "member"
    )
    with tenant(organization):
        assert Member.objects.count() == 2
