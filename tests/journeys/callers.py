"""Many callers of one address at once, refused calls among theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

CLIENTS = 16
REFUSED: tuple[tuple[str, str, dict[str, str], int], ...] = (
    ("POST", "/orders", {}, 401),
    ("POST", "/orders", {"x-api-key": "wrong"}, 401),
    ("GET", "/orders", {"x-api-key": "wrong"}, 405),
    ("POST", "/nowhere", {}, 404),
)


@dataclass(frozen=True)
class Edge:
    """The gateway and the address that its calls are for: `*.localhost` is for browsers to resolve."""

    port: int
    address: str

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"host": str(urlsplit(self.address).netloc)},
            timeout=30,
        )


async def order(
    client: httpx.AsyncClient, key: str, sku: str = "mug", **headers: str
) -> dict[str, Any]:
    """One accepted call's answer."""
    said = await client.post(
        "/orders", json={"sku": sku, "quantity": 2}, headers={"x-api-key": key, **headers}
    )
    assert said.status_code == 202, (said.status_code, said.text)
    return said.json()


async def many(
    edge: Edge, count: int, *, key: str, at_half: Callable[[], Awaitable[None]] | None = None
) -> list[dict[str, Any]]:
    """`count` accepted calls by 16 clients at once; after each a refused one, its refusal checked.

    `at_half` is called once, at half of them, while the other clients go on calling; the last quarter comes after it.
    """
    left = iter(range(count))
    answers: list[dict[str, Any]] = []
    is_past_half = asyncio.Event()

    async def caller(which: int) -> None:
        async with edge.client() as client:
            for number in left:
                if at_half is not None and number == count // 2:
                    await at_half()
                    is_past_half.set()
                if at_half is not None and number >= count * 3 // 4:
                    await is_past_half.wait()
                answers.append(await order(client, key))
                method, path, headers, status = REFUSED[(number + which) % len(REFUSED)]
                said = await client.request(method, path, headers=headers, json={})
                assert said.status_code == status, (method, path, said.status_code)

    await asyncio.gather(*(caller(which) for which in range(CLIENTS)))
    return answers
