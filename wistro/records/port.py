"""Where an engine's records go. The store numbers them and keeps them until the sink says they are kept elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from wistro.store.port import Chunk


class Sink(Protocol):
    def start(
        self,
        *,
        leftovers: list[Chunk],
        streams: list[tuple[str, int]],
        at_us: int,
        forget: Callable[[str, int], None],
    ) -> None:
        """Take what earlier boots left under its own (stream, seq), and close their streams.

        `forget(stream, seq)` may be called from any thread once all of a stream up to `seq` is kept for good.
        """
        ...

    def adopt(self, *, leftovers: list[Chunk], streams: list[tuple[str, int]], at_us: int) -> None:
        """As at the start, of another engine that ended while this one runs."""
        ...

    def protect(self, secrets: Iterable[str]) -> None:
        """These values must not be written down, from now on."""
        ...

    def take(self, chunk: Chunk) -> None:
        """Called on the event loop, in order of seq; returns at once. Lines beyond its memory are dropped, as gaps."""
        ...

    async def flush(self) -> None:
        """Returns once all that was taken is kept."""
        ...

    async def close(self) -> None: ...


class NoSink:
    """Keeps nothing: for tests and measurements of what a sink costs."""

    def start(
        self,
        *,
        leftovers: list[Chunk],
        streams: list[tuple[str, int]],
        at_us: int,
        forget: Callable[[str, int], None],
    ) -> None:
        self._forget = forget
        for stream, last in streams:
            forget(stream, last)

    def adopt(self, *, leftovers: list[Chunk], streams: list[tuple[str, int]], at_us: int) -> None:
        for chunk in leftovers:
            self.take(chunk)
        for stream, last in streams:
            self._forget(stream, last)

    def protect(self, secrets: Iterable[str]) -> None:
        pass

    def take(self, chunk: Chunk) -> None:
        if chunk.durable:
            self._forget(chunk.stream, chunk.last)

    async def flush(self) -> None:
        pass

    async def close(self) -> None:
        pass
