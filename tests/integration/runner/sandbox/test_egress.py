"""The one way out, from Python and from Node: what is public or trusted is reached, the rest is refused by name."""

from __future__ import annotations

import http.server
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.sandbox import Egress, Network, SandboxLauncher
from tests.integration.runner.sandbox.world import run
from wistro.hosts.port import Launch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")

PYTHON = [
    sys.executable,
    "-I",
    "-c",
    "import sys, urllib.request as u\n"
    "try: print('GOT', u.urlopen(sys.argv[1], timeout=10).read().decode())\n"
    "except Exception as e: print('REFUSED', e)",
]
FETCH = [
    "/usr/bin/env",
    "node",
    "-e",
    "fetch(process.argv[1]).then(async r => console.log('GOT', await r.text()))"
    ".catch(e => console.log('REFUSED', e.cause?.message))",
]
HTTP = [
    "/usr/bin/env",
    "node",
    "-e",
    "const r = require('node:http').request(process.argv[1], {method: 'POST'}, async s => {"
    " let t = ''; for await (const c of s) t += c; console.log('GOT', t) });"
    "r.on('error', e => console.log('REFUSED', e.message)); r.end('x'.repeat(300000))",
]


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._say(f"hello from {self.headers['host']}")

    def do_POST(self) -> None:
        self._say(str(len(self.rfile.read(int(self.headers.get("content-length", 0)) or 0))))

    def _say(self, text: str) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join(10)


def a_launcher(**egress: tuple[str, ...]) -> Iterator[SandboxLauncher]:
    launcher = SandboxLauncher(egress=Egress(**egress))
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def strict() -> Iterator[SandboxLauncher]:
    yield from a_launcher()


@pytest.fixture(scope="module")
def trusting() -> Iterator[SandboxLauncher]:
    yield from a_launcher(trusted_networks=("127.0.0.0/8",))


def ask(launcher: SandboxLauncher, argv: list[str], url: str, tmp_path: Path, **more) -> str:
    said, complained = run(launcher, Launch([*argv, url], tmp_path, {}, {}, **more))
    assert not complained
    return said.strip()


# The host's own name leads to its loopback; inside, "localhost" would be the sandbox itself.
def here(port: int) -> str:
    return f"http://{socket.gethostname()}:{port}/"


@pytest.fixture(scope="module", autouse=True)
def _the_hosts_name_is_loopback() -> None:
    if not socket.gethostbyname(socket.gethostname()).startswith("127."):
        pytest.skip("this machine's name does not lead to its loopback")


@pytest.mark.parametrize("client", [PYTHON, FETCH], ids=["urllib", "fetch"])
def test_a_trusted_network_is_reached(client, trusting, port: int, tmp_path: Path) -> None:
    assert ask(trusting, client, here(port), tmp_path).startswith("GOT hello from")


@pytest.mark.parametrize("client", [PYTHON, FETCH, HTTP], ids=["urllib", "fetch", "http"])
def test_the_same_url_is_refused_when_nothing_is_trusted(
    client, strict, port: int, tmp_path: Path
) -> None:
    said = ask(strict, client, here(port), tmp_path)

    assert said.startswith("REFUSED")
    assert "Forbidden" in said or "loopback" in said


def test_a_large_body_goes_through_node(trusting, port: int, tmp_path: Path) -> None:
    assert ask(trusting, HTTP, here(port), tmp_path) == "GOT 300000"


def test_the_hub_is_closed_even_in_a_trusted_network(port: int, tmp_path: Path) -> None:
    for launcher in a_launcher(trusted_networks=("127.0.0.0/8",), hub=(f"127.0.0.1:{port}",)):
        assert "the Hub" in ask(launcher, FETCH, here(port), tmp_path)


def test_a_sandbox_held_to_one_place_reaches_no_other(trusting, port: int, tmp_path: Path) -> None:
    name = socket.gethostname()
    trusting.network = Network(only=(f"{name}:1",))
    try:
        assert "is not among" in ask(trusting, FETCH, here(port), tmp_path)
    finally:
        trusting.network = Network()


def test_a_declared_egress_is_a_plain_connection(trusting, port: int, tmp_path: Path) -> None:
    name = socket.gethostname()
    source = (
        "import socket, sys\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)\n"
        "s.sendall(b'GET / HTTP/1.0\\r\\nHost: it\\r\\n\\r\\n')\n"
        "print(s.makefile('rb').read().decode())"
    )
    argv = [sys.executable, "-I", "-c", source, name, str(port)]

    said, _ = run(trusting, Launch(argv, tmp_path, {}, {}, egress=[f"{name}:{port}"]))
    undeclared, complained = run(trusting, Launch(argv, tmp_path, {}, {}))

    assert "hello from it" in said
    assert not undeclared and "gaierror" in complained


def test_a_declared_egress_to_a_private_address_is_closed(
    strict, port: int, tmp_path: Path
) -> None:
    name = socket.gethostname()
    source = (
        "import socket, sys\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)\n"
        "print(s.recv(10))"
    )
    argv = [sys.executable, "-I", "-c", source, name, str(port)]

    said, _ = run(strict, Launch(argv, tmp_path, {}, {}, egress=[f"{name}:{port}"]))

    assert said.strip() == "b''"


def test_the_proxy_is_started_again_when_it_died(trusting, port: int, tmp_path: Path) -> None:
    assert ask(trusting, PYTHON, here(port), tmp_path).startswith("GOT")
    trusting._proxy._process.kill()
    trusting._proxy._process.wait(10)

    assert ask(trusting, PYTHON, here(port), tmp_path).startswith("GOT")
