"""Whoever is told what was recorded: the terminal, and an OpenTelemetry collector where one is named."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from wistro.records.otlp_export import Exporter, resource_of, target_of
from wistro.store.port import Chunk

OnKept = Callable[[list[Chunk]], None]


@contextlib.contextmanager
def exported_too(root: Path, tell: OnKept, environ: Mapping[str, str]) -> Iterator[OnKept]:
    """`tell`, and the exporter that the environment's OTEL_… variables ask for. Raises BadExporter."""
    target = target_of(environ)
    if target is None:
        yield tell
        return
    exporter = Exporter(target, resource_of(environ, service=root.name or "wistro"))

    def both(chunks: list[Chunk]) -> None:
        tell(chunks)
        exporter.take(chunks)

    try:
        yield both
    finally:
        exporter.close()
