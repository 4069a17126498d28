"""A place's settings: made once, overridden by name, never by accident."""

import stat

import pytest

from infra.place import CHECKOUT, Place
from infra.settings import KNOWN, make_up, secrets_of, settings_of
from infra.terminal import Failed


def test_secrets_are_made_once_and_kept_from_others(tmp_path):
    place = Place(data=tmp_path)

    first = secrets_of(place)

    assert secrets_of(place) == first
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_a_secret_new_in_this_release_is_added_without_changing_the_others(tmp_path):
    place = Place(data=tmp_path)
    (tmp_path / "secrets.json").write_text('{"valkey": "kept"}')

    kept = secrets_of(place)

    assert kept["valkey"] == "kept"
    assert kept["owner"]


def test_two_places_share_no_secret_and_no_socket_folder(tmp_path):
    one, other = Place(data=tmp_path / "one"), Place(data=tmp_path / "other")

    assert not set(secrets_of(one).values()) & set(secrets_of(other).values())
    assert one.run != other.run


def test_an_unknown_override_is_refused(tmp_path):
    place = Place(data=tmp_path, overrides={"WISTRO_GITHUP_URL": "typo"})

    with pytest.raises(ValueError, match="WISTRO_GITHUP_URL"):
        settings_of(place)


def test_an_outside_database_without_its_other_roles_is_refused_by_name(tmp_path):
    with pytest.raises(Failed) as refused:
        make_up({"DATABASE_URL": "postgresql://db"}, data=tmp_path)

    assert "DATABASE_INGEST_URL" in refused.value.message


def test_outside_stores_take_the_place_of_embedded_ones(tmp_path):
    urls = {
        name: "postgresql://db"
        for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_INGEST_URL")
    }

    place = make_up({**urls, "REDIS_URL": "redis://r"}, data=tmp_path)

    assert (place.outside_database, place.outside_redis) == (True, True)
    assert settings_of(place)["REDIS_URL"] == "redis://r"


def test_a_port_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(Failed, match="WISTRO_PORT"):
        make_up({"WISTRO_PORT_HUB": "eighty"}, data=tmp_path)


def test_socket_paths_fit_what_the_kernel_holds(tmp_path):
    deep = tmp_path / ("d" * 200)

    socket = Place(data=deep).run / "e-0123456789ab.sock"

    assert len(str(socket).encode()) < 104


def test_every_setting_the_hub_reads_is_one_that_infra_can_give():
    text = (CHECKOUT / "hub" / "common" / "settings.py").read_text()
    import re

    read = set(re.findall(r'"((?:WISTRO|DATABASE|REDIS)_[A-Z_]+)"', text))

    assert read
    assert read <= KNOWN
