"""The one GET of an address that a project names, against servers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from wistro.auth.fetch import EVERYWHERE, MOST_BYTES, Fetched, Fetcher, NotFetched

Serve = Callable[[asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(answer: Serve) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def whole(body: bytes, *headers: str, status: str = "200 OK") -> Serve:
    async def answer(writer: asyncio.StreamWriter) -> None:
        head = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(head).encode() + body)

    return answer


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        await writer.drain()


async def drip_its_header(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def rubbish(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x01 hello\r\n\r\n")


async def test_a_plain_answer_comes_whole_with_how_long_it_keeps() -> None:
    async with serving(whole(b'{"a": 1}', "cache-control: max-age=60")) as url:
        assert await Fetcher(trusted=EVERYWHERE).get(f"{url}/x?y=1") == Fetched(
            b'{"a": 1}', "max-age=60"
        )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (whole(b"", "location: https://evil.example.com/", status="302 Found"), "answered 302"),
        (whole(b"gone", status="404 Not Found"), "answered 404"),
        (whole(b"x" * (MOST_BYTES + 1)), "more than"),
        (endless, "more than"),
        (drip, "too slow|timed out|stopped"),
        (drip_its_header, "too slow"),
        (silent, "timed out|too slow"),
        (rubbish, "did not answer"),
    ],
    ids=["redirect", "404", "large", "endless", "drip", "header", "silent", "rubbish"],
)
async def test_a_server_that_misbehaves_is_left_within_the_time(answer: Serve, why: str) -> None:
    async with serving(answer) as url:
        with pytest.raises(NotFetched, match=why):
            await Fetcher(trusted=EVERYWHERE, timeout_s=0.5).get(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://2130706433/",
        "https://0x7f.1/",
        "http://93.184.216.34/",
    ],
)
async def test_closed_addresses_and_plain_http_are_not_asked(url: str) -> None:
    with pytest.raises(NotFetched, match=r"closed|no host|https"):
        await Fetcher().get(url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://id.example.com/",
        "file:///etc/passwd",
        "https://",
        "https://a@b.example.com/",
        "https://id.example.com:0/",
        "https://id.example.com:99999/",
        "https://id.example.com/ x",
        "https://id.example.com\\@evil.example.com/",
        "https://id.example.com/\r\nhost: evil",
        "https://" + "a" * 3000,
        "//id.example.com",
        "https://ünicode.example.com/",
    ],
)
async def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(NotFetched, match="no plain https URL"):
        await Fetcher(trusted=EVERYWHERE).get(url)


async def test_a_server_that_speaks_no_tls_is_not_believed() -> None:
    async with serving(whole(b"{}")) as url:
        with pytest.raises(NotFetched):
            await Fetcher(trusted=EVERYWHERE, timeout_s=0.5).get(url.replace("http:", "https:"))


async def cut_off(writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"keys": []}')


async def test_an_answer_that_is_cut_off_is_not_taken_for_whole() -> None:
    async with serving(cut_off) as url:
        with pytest.raises(NotFetched, match="stopped before"):
            await Fetcher(trusted=EVERYWHERE).get(url)
