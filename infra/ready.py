"""Whether a process answers yet, each in its own way."""

from __future__ import annotations

import asyncio

from infra.place import Place
from infra.processes import Process
from infra.settings import settings_of

PROBE_S = 2.0


async def is_ready(process: Process, place: Place) -> bool:
    """Ask once; a refusal, a timeout and nonsense are all "not yet"."""
    try:
        async with asyncio.timeout(PROBE_S):
            if process.ready == "postgres":
                return await asyncio.to_thread(_postgres_answers, place)
            if process.ready == "valkey":
                return await _valkey_answers(place)
            if process.ready == "http" and process.port:
                return await _http_answers(getattr(place.ports, process.port))
    except (OSError, TimeoutError, EOFError):
        return False
    return True


def _postgres_answers(place: Place) -> bool:
    import psycopg

    from infra.embedded import superuser

    try:
        psycopg.connect(superuser(place, "postgres"), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


async def _valkey_answers(place: Place) -> bool:
    from urllib.parse import urlsplit

    url = urlsplit(settings_of(place)["REDIS_URL"])
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        writer.write(f"AUTH {url.password}\r\nPING\r\n".encode())
        return await reader.readline() == b"+OK\r\n" and await reader.readline() == b"+PONG\r\n"
    finally:
        writer.close()


async def _http_answers(port: int) -> bool:
    """Any HTTP answer will do: what it says is for tests of that process."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return (await reader.readline()).startswith(b"HTTP/")
    finally:
        writer.close()
