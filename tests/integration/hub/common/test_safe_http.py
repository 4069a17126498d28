"""The safe client against real servers on loopback: what it reaches, and all that it refuses."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hub.common import safe_http
from hub.common.safe_http import (
    AnswerTooLarge,
    BadUrl,
    ClosedAddress,
    Rules,
    Unreachable,
    ask,
)
from tests.integration.hub import place
from wistro.protocol.addresses import read_networks

TRUSTED = tuple(read_networks("127.0.0.0/8"))
CA = place.GITHUB / "ca" / "ca.pem"
RULES = Rules(TRUSTED, CA)


class Server(http.server.ThreadingHTTPServer):
    """https on loopback; answers each path as `answers` says, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        super().__init__(("127.0.0.1", 0), Handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(place.GITHUB / "ca" / "server.pem")
        self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that do not trust us hang up."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        status, headers, body = self.server.answers.get(self.path, (200, {}, b"hello"))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def test_a_trusted_address_is_reached_and_refused_with_both_settings_empty(server: Server) -> None:
    assert ask("GET", server.url, rules=RULES).body == b"hello"
    assert ask("GET", server.url).body == b"hello"  # this session's settings name both

    with pytest.raises(ClosedAddress, match="loopback"):
        ask("GET", server.url, rules=Rules())
    with pytest.raises(Unreachable, match="certificate"):
        ask("GET", server.url, rules=Rules(TRUSTED))
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0.0.0.0",  # noqa: S104
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "192.0.0.8",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fd00::1]",
        "[fe80::1]",
    ],
)
def test_a_closed_address_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises((ClosedAddress, Unreachable)) as refused:
        ask("GET", f"https://{host}/", rules=Rules(), timeout_s=2)

    if refused.type is Unreachable:  # this machine has no IPv6, or does not read that writing
        assert "There is no host" in str(refused.value)


def test_a_name_with_one_closed_address_among_open_ones_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found(*_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", (one, 443)) for one in ("93.184.215.14", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", found)

    with pytest.raises(ClosedAddress, match="private"):
        ask("GET", "https://two.example/", rules=Rules())


def test_a_name_is_resolved_once_so_that_it_cannot_change_in_between(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = ["127.0.0.1", "10.0.0.1"]
    right = socket.getaddrinfo

    def found(host: Any, port: Any, *more: Any, **named: Any) -> list[Any]:
        if host == "127.0.0.1":
            return right(host, port, *more, **named)
        return [(2, 1, 6, "", (answers.pop(0), port))]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    url = f"https://localhost:{server.server_port}/"

    assert ask("GET", url, rules=RULES).status == 200
    assert answers == ["10.0.0.1"]
    with pytest.raises(ClosedAddress):
        ask("GET", url, rules=RULES)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "file:///etc/passwd",
        "ext::sh -c id",
        "https://user:password@example.com/",
        "https://example.com:99999/",
        "https:///path",
        "https://exa mple.com/",
        "https://example.com\\@127.0.0.1/",
        "https://[::1/",
        "https://example.com/\r\nHost: a",
        "https://éxample.com/",
        "https://example.com/" + "a" * 2000,
        "",
    ],
)
def test_what_is_no_plain_https_url_is_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        ask("GET", url, rules=RULES)


def test_a_redirect_is_followed_only_where_asked_and_checked_again(server: Server) -> None:
    server.answers["/from"] = (302, {"location": "/to"}, b"")
    server.answers["/inside"] = (302, {"location": "https://10.0.0.1/"}, b"")
    server.answers["/plain"] = (302, {"location": "http://127.0.0.1/"}, b"")
    server.answers["/round"] = (302, {"location": "/round"}, b"")

    assert ask("GET", f"{server.url}/from", rules=RULES).status == 302
    followed = ask("GET", f"{server.url}/from", redirects=1, rules=RULES)
    assert (followed.url, followed.body) == (f"{server.url}/to", b"hello")
    for path, error in (("inside", ClosedAddress), ("plain", BadUrl), ("round", Unreachable)):
        with pytest.raises(error):
            ask("GET", f"{server.url}/{path}", redirects=3, rules=RULES)


def test_a_credential_is_not_sent_on_to_another_host(server: Server) -> None:
    with serving() as other:
        server.answers["/"] = (302, {"location": other.url + "/there"}, b"")
        server.answers["/near"] = (302, {"location": "/end"}, b"")
        secret = {"Authorization": "Bearer secret"}
        ask("GET", f"{server.url}/", headers=secret, redirects=1, rules=RULES)
        ask("GET", f"{server.url}/near", headers=secret, redirects=1, rules=RULES)

    assert "authorization" not in other.asked[0][1]
    assert [one["authorization"] for _, one in server.asked] == ["Bearer secret"] * 3


def test_an_answer_that_is_too_large_is_not_read_on(server: Server) -> None:
    server.answers["/"] = (200, {}, b"x" * 100_000)

    with pytest.raises(AnswerTooLarge):
        ask("GET", f"{server.url}/", most_bytes=1000, rules=RULES)


def test_a_server_that_drips_is_left_when_the_whole_time_is_over() -> None:
    stop = threading.Event()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(place.GITHUB / "ca" / "server.pem")

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, tls.wrap_socket(connection, server_side=True) as spoken:
            try:
                while not stop.wait(0.05):
                    spoken.sendall(b"H")
            except OSError:
                pass  # the client left, as it should

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        with pytest.raises(Unreachable):
            ask("GET", f"https://127.0.0.1:{listener.getsockname()[1]}/", timeout_s=1, rules=RULES)
        stop.set()
        thread.join(10)


def test_what_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(Unreachable):
        ask("GET", f"https://127.0.0.1:{port}/", rules=RULES)
    with pytest.raises(Unreachable, match="There is no host"):
        ask("GET", "https://nowhere.invalid/", rules=RULES)


def test_an_address_is_public_or_not() -> None:
    assert safe_http.is_public("https://93.184.215.14/")
    assert not safe_http.is_public("http://localhost:8000")
    assert not safe_http.is_public("https://nowhere.invalid")
