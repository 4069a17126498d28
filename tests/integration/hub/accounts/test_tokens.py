"""API tokens: scopes, ends, revoking; CSRF for browsers."""

from datetime import timedelta

import pytest

from hub.accounts.models import Token
from tests.factories.accounts import a_token, a_user, an_organization, owner_of
from wistro.protocol.ids import show

pytestmark = pytest.mark.django_db


def test_a_token_may_only_do_what_its_scopes_say(api):
    organization = an_organization()
    reader = api(token=a_token(owner_of(organization), scopes=["projects:read"]))
    path = f"/api/v1/organizations/{organization.slug}/projects"

    assert reader.get(path).status_code == 200
    refused = reader.post(path, {"name": "A"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "access.scope")


def test_what_belongs_to_browsers_is_refused_to_any_token(api):
    organization = an_organization()
    answer = api(token=a_token(owner_of(organization))).post(
        f"/api/v1/organizations/{organization.slug}/members", {"email": a_user().email}
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "access.scope")


def test_a_token_outside_a_scope_still_cannot_tell_a_stranger_from_nothing(api):
    theirs = an_organization()
    answer = api(token=a_token(a_user(), scopes=[])).get(
        f"/api/v1/organizations/{theirs.slug}/projects"
    )

    assert answer.status_code == 404


@pytest.mark.parametrize("text", ["wst_unknown", "wst_", "wst_\u00e9", "Basic"])
def test_an_unknown_token_is_refused_by_its_own_code(api, text):
    answer = api(token=text).get("/api/v1/me")

    assert answer.status_code == 401


def test_a_token_past_its_end_is_refused(api):
    answer = api(token=a_token(a_user(), lasts=timedelta(seconds=-1))).get("/api/v1/me")

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "access.token")


def test_a_deactivated_users_token_is_refused(api):
    user = a_user()
    text = a_token(user)
    user.is_active = False
    user.save()

    assert api(token=text).get("/api/v1/me").status_code == 401


def test_a_token_revokes_itself_and_no_other(api):
    user = a_user()
    mine, other = a_token(user), a_token(user)
    client = api(token=mine)
    own_id = client.get("/api/v1/me").json()["token"]["id"]
    other_id = (
        show("token", Token.objects.get(ending=other[-4:]).pk) if mine[-4:] != other[-4:] else None
    )

    if other_id:
        assert client.delete(f"/api/v1/tokens/{other_id}").status_code == 403
    assert client.delete(f"/api/v1/tokens/{own_id}").status_code == 204
    assert client.get("/api/v1/me").status_code == 401


def test_someone_elses_token_is_not_there(api):
    a_token(a_user())
    theirs = Token.objects.get()

    assert api(a_user()).delete(f"/api/v1/tokens/{show('token', theirs.pk)}").status_code == 404


def test_a_tokens_text_is_not_kept():
    text = a_token(a_user())
    kept = Token.objects.values().get()

    assert text not in str(kept)
    assert text.encode() not in bytes(kept["sha256"])


def test_a_browsers_unsafe_request_without_the_csrf_token_is_refused(api):
    answer = api(a_user(), enforce_csrf=True).post("/api/v1/organizations", {"name": "A"})

    assert answer.status_code == 403
    assert "CSRF" in answer.json()["error"]["message"]


def test_a_token_needs_no_csrf_token(api):
    made = api(token=a_token(a_user()), enforce_csrf=True).post(
        "/api/v1/organizations", {"name": "A"}
    )

    assert made.status_code == 201
