"""Whose token goes where."""

from __future__ import annotations

import stat

import pytest

from wistro.hub_client import address, credentials, link
from wistro.hub_client.credentials import DamagedCredentials, Kept

ACME, OTHER = "https://hub.acme.test", "https://hub.other.test"


@pytest.fixture
def environ(tmp_path):
    """Signed in to two Hubs, to ACME last."""
    found = {"XDG_CONFIG_HOME": str(tmp_path)}
    for hub in (OTHER, ACME):
        credentials.keep(credentials.folder(found), address.read(hub), Kept(f"wst_{hub[12:16]}"))
    return found


def asked(environ, **named):
    found = credentials.access(environ, **named)
    return str(found.address), found.token


def test_the_last_hub_is_asked_with_its_own_token(environ):
    assert asked(environ) == (ACME, "wst_acme")


def test_a_named_hub_is_asked_with_its_own_token(environ):
    assert asked(environ, hub=OTHER) == (OTHER, "wst_othe")
    assert asked(environ | {"WISTRO_HUB_URL": OTHER}) == (OTHER, "wst_othe")


def test_a_hub_without_login_gets_no_token(environ):
    assert asked(environ, hub="https://new.test") == ("https://new.test", None)


def test_the_folders_hub_comes_before_the_last_one(environ):
    assert asked(environ, linked=OTHER) == (OTHER, "wst_othe")


def test_a_folders_hub_that_nobody_signed_in_to_is_not_asked(environ):
    assert asked(environ, linked="https://evil.test") == (ACME, "wst_acme")


def test_a_token_from_the_environment_never_follows_the_folder(environ):
    assert asked(environ | {"WISTRO_TOKEN": "wst_ci"}, linked=OTHER) == (ACME, "wst_ci")


def test_without_any_login_it_is_this_machines_hub(tmp_path):
    assert asked({"XDG_CONFIG_HOME": str(tmp_path)}) == ("http://localhost:8000", None)


def test_the_file_is_its_users_alone(environ):
    file = credentials.folder(environ) / credentials.NAME

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_forgetting_one_hub_leaves_the_other(environ):
    folder = credentials.folder(environ)

    credentials.forget(folder, address.read(ACME))

    assert asked(environ) == (OTHER, "wst_othe")


@pytest.mark.parametrize("text", ["", "{", '{"hubs": []}'])
def test_a_damaged_file_is_told(environ, text):
    (credentials.folder(environ) / credentials.NAME).write_text(text)

    with pytest.raises(DamagedCredentials):
        credentials.access(environ)


def test_a_link_is_found_from_below(tmp_path):
    below = tmp_path / "src" / "orders"
    below.mkdir(parents=True)
    link.write(tmp_path, link.Link(ACME, "acme", "shop"))

    found = link.read(below)

    assert found is not None
    assert found.name == "acme/shop"


@pytest.mark.parametrize("text", ["shop", "a/b/c", "/", "acme/", "/shop", "a b/c", ""])
def test_what_is_no_projects_name_is_refused(text):
    with pytest.raises(link.BadProjectName):
        link.parse(text)
