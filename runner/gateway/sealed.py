"""The last routing table on disk, sealed (runner.sealed): it holds assignments' keys and webhook secrets."""

from __future__ import annotations

from pathlib import Path

from runner.sealed import KeyBesideData, Sealed
from wistro.protocol.routing import RoutingTable

__all__ = ["KeyBesideData", "SealedTable"]


class SealedTable(Sealed[RoutingTable]):
    def __init__(self, data: Path, *, key: Path | None = None) -> None:
        super().__init__(data, name="routing", type=RoutingTable, key=key)
