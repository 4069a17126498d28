"""Where an attempt stands in its run: the steps, topics and ordinals from the root to it. The same in a replay."""

from __future__ import annotations

from collections.abc import Iterable

from wistro.protocol.records import AttemptRecord
from wistro.store.port import StateWrite

# One delivery after the other, from a root on: (step, topic or None, which emit of the parent's).
Place = tuple[tuple[str, str | None, int], ...]


def by_place(attempts: Iterable[AttemptRecord]) -> dict[Place, AttemptRecord]:
    """The last attempt of each delivery, in the order in which deliveries became due.

    Earlier attempts of a delivery failed, so nothing of them counted: a delivery is told by its last one.
    """
    ordered = sorted(attempts, key=lambda one: (one.queued_at_us, one.attempt_id))
    by_id = {one.attempt_id: one for one in ordered}
    last: dict[str, AttemptRecord] = {}
    for one in ordered:
        kept = last.get(one.delivery_id)
        if kept is None or one.number >= kept.number:
            last[one.delivery_id] = one
    return {place_of(one, by_id): one for one in last.values()}


def place_of(attempt: AttemptRecord, by_id: dict[str, AttemptRecord]) -> Place:
    """From its parents' records; one whose parent's is not there is a root."""
    place: list[tuple[str, str | None, int]] = []
    at: AttemptRecord | None = attempt
    while at is not None and len(place) <= len(by_id):
        place.append((at.step, at.topic, at.ordinal))
        at = by_id.get(at.parent_attempt_id) if at.parent_attempt_id else None
    return tuple(reversed(place))


def seed(attempts: Iterable[AttemptRecord]) -> list[StateWrite]:
    """The state before the run, as far as it is known: the first value read of each key that the run had not written."""
    events: list[tuple[int, int, AttemptRecord]] = []
    for one in attempts:
        events.append((one.started_at_us, 0, one))
        events.append((one.ended_at_us, 1, one))
    known: set[tuple[str, str]] = set()
    cleared: set[str] = set()
    found: list[StateWrite] = []

    def read(group: str, key: str, value: object) -> None:
        if (group, key) not in known and group not in cleared:
            known.add((group, key))
            if value is not None:
                found.append(StateWrite("set", group, key, value))

    for _, is_end, one in sorted(events, key=lambda event: (event[0], event[1], event[2].seq)):
        if is_end:
            known.update((write.group, write.key) for write in one.writes if write.op != "clear")
            cleared.update(write.group for write in one.writes if write.op == "clear")
            continue
        for made in one.reads:
            if made.op == "get":
                read(made.group, made.key, made.value)
            else:
                for key, value in made.value or []:
                    read(made.group, key, value)
    return found
