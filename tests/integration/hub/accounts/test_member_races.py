"""Changes of one organization's members at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from hub.accounts.actions import LastOwner, remove_member, set_member
from hub.accounts.models import OWNER, Member
from hub.common.tenancy import tenant
from tests.factories.accounts import a_member, a_user, an_organization, owner_of

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT_S = 20


def at_once(organization, *changes):
    """What each of them raised, or None."""
    ready = Barrier(len(changes))

    def run(change):
        try:
            ready.wait(LIMIT_S)
            with tenant(organization):
                change()
        except LastOwner as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(changes)) as pool:
        return [one.result(LIMIT_S) for one in [pool.submit(run, change) for change in changes]]


def test_of_two_owners_who_leave_at_once_one_stays():
    organization = an_organization()
    users = [owner_of(organization), a_member(organization, role=OWNER).user]

    raised = at_once(organization, *(lambda pk=one.pk: remove_member(pk) for one in users))

    with tenant(organization):
        assert Member.objects.filter(role=OWNER).count() == 1
    assert sorted(type(one).__name__ for one in raised) == ["LastOwner", "NoneType"]


def test_one_who_is_added_twice_at_once_is_a_member_once():
    organization = an_organization()
    owner, new = owner_of(organization), a_user()

    at_once(organization, *[lambda: set_member(new.email, "member", by=owner)] * 4)

    with tenant(organization):
        assert Member.objects.filter(user=new).count() == 1
