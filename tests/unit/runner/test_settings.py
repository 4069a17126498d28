from __future__ import annotations

from pathlib import Path

import pytest

from runner.settings import BadSetting, load

LEAST = {"WISTRO_DATA": "/data", "WISTRO_RUN": "/run/w"}


def test_the_least_settings_are_two_folders():
    settings = load(LEAST)

    assert settings.data == Path("/data") and settings.run == Path("/run/w")
    assert settings.gateway_address == ("127.0.0.1", 8080) and not settings.is_production


def test_each_kind_of_value_is_read():
    settings = load(
        LEAST
        | {
            "WISTRO_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1",
            "WISTRO_UNTRUSTED": "1",
            "WISTRO_GATEWAY_BIND": "[::1]:9000",
            "WISTRO_EXTRA_CA": "/ca.pem",
        }
    )

    assert settings.trusted_proxies == ("10.0.0.0/8", "192.0.2.1")
    assert settings.untrusted and settings.extra_ca == Path("/ca.pem")
    assert settings.gateway_address == ("::1", 9000)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"WISTRO_DATA": ""}, "WISTRO_DATA"),
        ({"WISTRO_UNTRUSTED": "maybe"}, "WISTRO_UNTRUSTED"),
        ({"WISTRO_GATEWAY_BIND": "8080"}, "WISTRO_GATEWAY_BIND"),
        ({"WISTRO_ENDPOINT_URL": "http://x"}, "WISTRO_ENDPOINT_URL"),
        ({"WISTRO_MODE": "test"}, "WISTRO_MODE"),
        ({"WISTRO_MODE": "production", "WISTRO_TRUSTED_NETWORKS": "10.0.0.0/8"}, "production"),
        ({"WISTRO_MODE": "production", "WISTRO_EXTRA_CA": "/ca.pem"}, "production"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(changes, named):
    with pytest.raises(BadSetting, match=named):
        load(LEAST | changes)
