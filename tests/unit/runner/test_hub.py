"""The client against a machine API spoken by our own server on a loopback port."""

from __future__ import annotations

import asyncio
import hashlib
import random
import stat
from collections.abc import AsyncIterator

import msgspec
import pytest

from runner.hub import (
    BlobDiffers,
    Hub,
    HubGone,
    HubRefused,
    NoPoolToken,
    UnknownProtocol,
    backoff_s,
    check_protocol,
)
from runner.settings import Settings
from wistro.http.message import Request, Response
from wistro.http.server import Server
from wistro.protocol import PROTOCOL
from wistro.protocol.machine import Registered, Registration
from wistro.protocol.routing import RoutingTable


class MachineApi:
    """Registers whoever has the pool token; knows the newest token alone; serves one table and blobs."""

    def __init__(self) -> None:
        self.registered: list[Registration] = []
        self.token = ""
        self.failing = 0
        self.etags: list[str | None] = []
        self.blobs: dict[str, bytes] = {}

    async def handle(self, request: Request) -> Response:
        if self.failing:
            self.failing -= 1
            return Response(503)
        bearer = (request.header("authorization") or "").removeprefix("Bearer ")
        if request.path == "/machine/v1/register":
            if bearer != "pool":
                return Response(401, b'{"error": {"code": "machine.token", "message": "no"}}')
            self.registered.append(msgspec.json.decode(request.body, type=Registration))
            self.token = f"own-{len(self.registered)}"
            return Response(200, msgspec.json.encode(Registered("machine-1", self.token)))
        if bearer != self.token:
            return Response(401)
        return self._known(request)

    def _known(self, request: Request) -> Response:
        if request.path == "/machine/v1/routing":
            self.etags.append(request.header("if-none-match"))
            if self.etags[-1] == '"7"':
                return Response(304, headers=[("etag", '"7"')])
            table = RoutingTable(PROTOCOL, 7, [])
            return Response(200, msgspec.json.encode(table), [("etag", '"7"')])
        if request.path.startswith("/machine/v1/blobs/"):
            sha256 = request.path.rpartition("/")[2]
            if request.method == "PUT":
                self.blobs[sha256] = request.body
                return Response(204)
            return Response(200, self.blobs[sha256])
        if request.path == "/machine/v1/heartbeat":
            return Response(204)
        return Response(404, b'{"error": {"code": "machine.unknown", "message": "no such path"}}')


@pytest.fixture
async def api() -> AsyncIterator[tuple[MachineApi, int]]:
    api = MachineApi()
    server = Server(api.handle)
    port = await server.listen_tcp("127.0.0.1", 0)
    yield api, port
    await server.close()


@pytest.fixture
async def hub(api, tmp_path) -> AsyncIterator[Hub]:
    hub = a_hub(tmp_path, api[1])
    yield hub
    await hub.close()


def a_hub(folder, port, *, pool_token="pool"):
    settings = Settings(
        machines_url=f"http://127.0.0.1:{port}",
        pool_token=pool_token,
        name="m",
        data=folder / "data",
        run=folder,
    )
    return Hub(settings, kind="gateway", jitter=random.Random(1))


async def test_a_machine_registers_at_its_first_question_and_keeps_its_token_to_itself(
    hub, api, tmp_path
):
    await hub.send("/heartbeat", {})
    await hub.send("/heartbeat", {})

    assert [(one.kind, one.name, one.protocol) for one in api[0].registered] == [
        ("gateway", "m-gateway", PROTOCOL)
    ]
    file = tmp_path / "data" / "machine.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and hub.machine_id == "machine-1"


async def test_a_restarted_machine_uses_the_token_it_kept(hub, api, tmp_path):
    await hub.send("/heartbeat", {})

    again = a_hub(tmp_path, api[1], pool_token="")
    await again.send("/heartbeat", {})
    await again.close()

    assert len(api[0].registered) == 1


async def test_a_token_that_the_hub_forgot_is_replaced_once_for_all_who_ask(hub, api):
    await hub.send("/heartbeat", {})
    api[0].token = "someone else's"

    await asyncio.gather(*(hub.send("/heartbeat", {}) for _ in range(5)))

    assert len(api[0].registered) == 2


async def test_a_wrong_pool_token_is_a_refusal_and_none_is_named(api, tmp_path):
    wrong, without = a_hub(tmp_path, api[1], pool_token="x"), a_hub(tmp_path, api[1], pool_token="")

    with pytest.raises(HubRefused) as caught:
        await wrong.send("/heartbeat", {})
    with pytest.raises(NoPoolToken):
        await without.send("/heartbeat", {})

    assert (caught.value.status, caught.value.code) == (401, "machine.token")
    await wrong.close()
    await without.close()


async def test_a_table_is_fetched_once_and_its_etag_acknowledges_it(hub, api):
    first = await hub.get_if_changed("/routing", RoutingTable, etag=None)
    assert first and first.value.serial == 7

    assert await hub.get_if_changed("/routing", RoutingTable, etag=first.etag) is None
    assert api[0].etags == [None, '"7"']


async def test_what_may_be_sent_twice_is_tried_again(hub, api):
    await hub.send("/heartbeat", {})
    api[0].failing = 2

    await hub.send("/heartbeat", {}, tries=3)
    api[0].failing = 1
    with pytest.raises(HubGone):
        await hub.send("/heartbeat", {})


async def test_a_refusal_is_not_tried_again_and_keeps_its_code(hub):
    with pytest.raises(HubRefused) as caught:
        await hub.send("/nothing", {}, tries=5)
    assert (caught.value.status, caught.value.code) == (404, "machine.unknown")


async def test_a_hub_that_is_not_there_is_gone_not_a_crash(tmp_path):
    hub = a_hub(tmp_path, 1)
    with pytest.raises(HubGone):
        await hub.send("/heartbeat", {})
    await hub.close()


@pytest.mark.parametrize("from_file", [True, False])
async def test_a_blob_goes_up_and_comes_down_whole_even_with_a_forgotten_token(
    hub, api, tmp_path, from_file
):
    content = random.Random(5).randbytes(3_000_000)
    sha256 = hashlib.sha256(content).hexdigest()
    (tmp_path / "blob").write_bytes(content)

    await hub.upload(sha256, tmp_path / "blob" if from_file else content)
    api[0].token = "someone else's"
    await hub.download(sha256, tmp_path / "fetched")

    assert (tmp_path / "fetched").read_bytes() == content


async def test_a_blob_that_is_another_leaves_no_file(hub, api, tmp_path):
    api[0].blobs["0" * 64] = b"not that"

    with pytest.raises(BlobDiffers):
        await hub.download("0" * 64, tmp_path / "fetched")

    assert not list(tmp_path.glob("*fetched*"))


def test_waits_double_up_to_a_cap_with_full_jitter():
    waits = backoff_s(first_s=1, cap_s=4, jitter=random.Random(0))

    for limit_s in (1, 2, 4, 4, 4):
        assert 0 <= next(waits) <= limit_s


@pytest.mark.parametrize("spoken", [PROTOCOL, PROTOCOL - 1])
def test_this_protocol_and_the_one_before_are_understood(spoken):
    check_protocol(spoken)


@pytest.mark.parametrize("spoken", [PROTOCOL + 1, PROTOCOL - 2])
def test_a_newer_protocol_is_refused_by_name(spoken):
    with pytest.raises(UnknownProtocol):
        check_protocol(spoken)
