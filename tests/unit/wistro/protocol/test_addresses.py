from __future__ import annotations

import ipaddress

import pytest

from wistro.protocol.addresses import read_networks, why_closed

OPEN = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "140.82.121.4",
    "168.63.129.15",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::200e",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "::ffff:808:808",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]

CLOSED = [
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a00:1",
    "::ffff:0:10.0.0.1",
    "::127.0.0.1",
    "::a9fe:a9fe",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "64:ff9b:1:fffe::10.0.0.1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:0:808:808:0:0:80ff:fffe",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "2002:c0a8:101::1",
    "2a00:1450:4001::5efe:10.0.0.1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff:ffff::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.parametrize("address", OPEN)
def test_a_public_address_is_open(address: str) -> None:
    assert why_closed(address) is None


@pytest.mark.parametrize("address", CLOSED)
def test_an_address_that_is_not_public_is_closed_with_a_reason(address: str) -> None:
    assert why_closed(address)


def test_a_trusted_network_is_open_and_its_neighbours_stay_closed() -> None:
    trusted = read_networks("127.0.0.0/8, 10.1.2.3")

    assert why_closed("127.0.0.1", trusted=trusted) is None
    assert why_closed("10.1.2.3", trusted=trusted) is None
    assert why_closed("10.1.2.4", trusted=trusted) == "private"


def test_trust_looks_at_the_address_inside_a_wrapped_one() -> None:
    trusted = read_networks("127.0.0.0/8")

    assert why_closed("::ffff:127.0.0.1", trusted=trusted) is None
    assert why_closed("::ffff:10.0.0.1", trusted=trusted) == "private"


def test_trusting_all_of_one_family_does_not_open_the_other() -> None:
    trusted = read_networks("0.0.0.0/0")

    assert why_closed("10.0.0.1", trusted=trusted) is None
    assert why_closed("fd00::1", trusted=trusted)


def test_an_address_may_be_given_as_an_object() -> None:
    assert why_closed(ipaddress.ip_address("192.168.1.1")) == "private"


def test_a_network_with_bits_past_its_prefix_is_refused() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        read_networks("10.0.0.1/8")


def test_at_least_sixty_addresses_are_asked_about() -> None:
    assert len({*OPEN, *CLOSED}) >= 60
