from __future__ import annotations

import pytest

from runner.sandbox.network import EgressUnreadable, forwards, hosts_file, split


def test_each_egress_host_gets_a_loopback_address_of_its_own() -> None:
    found = forwards(["db.example.com:5432", "mail.example.com:587", "DB.example.com:5433"])

    assert [(each.host, each.port, each.ip) for each in found] == [
        ("db.example.com", 5432, "127.0.1.1"),
        ("mail.example.com", 587, "127.0.1.2"),
        ("db.example.com", 5433, "127.0.1.1"),
    ]
    assert hosts_file(found).decode().splitlines()[2:] == [
        "127.0.1.1 db.example.com",
        "127.0.1.2 mail.example.com",
    ]


@pytest.mark.parametrize(
    "entry", ["db", "db:", ":5432", "db:0", "db:70000", "db:５", "10.0.0.1:80"]
)
def test_an_entry_that_is_no_host_and_port_is_refused(entry: str) -> None:
    with pytest.raises(EgressUnreadable):
        forwards([entry])


def test_a_port_follows_the_last_colon() -> None:
    assert split("[2606:4700::1]:443") == ("2606:4700::1", 443)
