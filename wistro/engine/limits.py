"""How much an engine takes on. Beyond it a caller is refused with Retry-After, before memory grows."""

from __future__ import annotations

from dataclasses import dataclass

from wistro.protocol.frames import MOST_WRITES


@dataclass(frozen=True)
class Limits:
    calls: int = 1_024  # endpoint calls in flight or waiting for a host, in the whole engine
    attempts: int = 256  # deliveries in flight, in the whole engine
    attempts_per_deployment: int = 128
    attempts_per_step: int = 64
    backlog: int = 5_000_000  # deliveries to be done; at it endpoints answer 503
    held_per_step: int = 1_024  # deliveries of a step in memory; more wait in the store
    held_bytes_per_step: int = 16 * 1024 * 1024
    message_bytes: int = 256 * 1024  # in the store; a larger one is kept as a blob
    large_message_bytes: int = 10 * 1024 * 1024  # it must fit a host's frame
    blob_bytes: int = 100 * 1024 * 1024
    uploads: int = 16  # of one attempt at once
    emits: int = 1_000  # an attempt
    emits_at_once: int = 10_000  # those of an attempt that leave `now`
    writes: int = MOST_WRITES  # of the state, an attempt
    reads: int = 10_000  # values of the state that an attempt's record keeps; a list's are counted one by one
    frame_body_bytes: int = 6 * 1024 * 1024  # parsed and as base64 it must fit a host's frame
    line_bytes: int = 64 * 1024
    announce_after_us: int = 250_000  # a call that takes longer is shown as running
    answers_kept_us: int = 24 * 3600 * 1_000_000
