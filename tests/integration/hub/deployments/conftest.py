"""A builder's and an agent's side of the machine API."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from tests.factories.deployments import a_lock, a_machine
from wistro.protocol.bundle import Bundle, BundledFile
from wistro.protocol.machine import BuildLine, BuildOrder, BuildResult


@dataclass
class Builder:
    """Says to the Hub what a builder says; answers are responses."""

    ask: Any
    name: str | None = None
    token: str = field(init=False)

    def __post_init__(self) -> None:
        self.token = a_machine("builder", name=self.name).token

    @property
    def client(self) -> Any:
        return self.ask(self.token)

    def post(self, path: str, message: Any = None) -> Any:
        body = b"" if message is None else msgspec.json.encode(message)
        return self.client.generic("POST", f"/machine/v1{path}", body, content_type="application/json")  # fmt: skip

    def claim(self) -> BuildOrder | None:
        answer = self.post("/builds/claim")
        if answer.status_code == 204:
            return None
        return msgspec.json.decode(answer.content, type=BuildOrder)

    def progress(self, order: BuildOrder, state: str, *texts: str, first: int = 0) -> Any:
        lines = [BuildLine(first + n, 1_795_341_600_000_000, state, text) for n, text in enumerate(texts)]  # fmt: skip
        said = {"attempt": order.attempt, "state": state, "lines": lines}
        return self.post(f"/builds/{order.build_id}/progress", said)

    def blob(self, sha256: str) -> bytes | None:
        """Its bytes; None when the Hub says that there is none."""
        answer = self.client.get(f"/machine/v1/blobs/{sha256}")
        assert answer.status_code in (200, 404), answer.content
        return b"".join(answer.streaming_content) if answer.status_code == 200 else None

    def put(self, content: bytes) -> str:
        """Upload a blob; its address."""
        sha256 = hashlib.sha256(content).hexdigest()
        answer = self.client.generic("PUT", f"/machine/v1/blobs/{sha256}", content, content_type="application/octet-stream")  # fmt: skip
        assert answer.status_code == 204, answer.content
        return sha256

    def finish(self, order: BuildOrder, outcome: str = "ready", **more: Any) -> Any:
        if outcome == "ready":
            file = BundledFile("src/order.step.py", "644", self.put(b"a step"), 6)
            bundle = self.put(msgspec.json.encode(Bundle([file])))
            more = {"lock": a_lock(), "bundle": bundle} | more
        result = BuildResult(order.attempt, outcome, **more)
        return self.post(f"/builds/{order.build_id}/finish", result)


@pytest.fixture
def builder(machines: Any) -> Any:
    """`builder()` is one more builder."""
    return lambda **more: Builder(machines, **more)
