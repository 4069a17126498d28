"""What a server reads, holds and waits for at most. Every wait in `server` and `connection` is one of these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    header_bytes: int = 32 * 1024
    header_fields: int = 128
    body_bytes: int = (
        10 * 1024 * 1024
    )  # of one request; a larger one is refused before it is buffered
    large_body_bytes: int = (
        0  # up to here, where it is more, a body goes into a file in the server's `spool`
    )
    spooled_bytes: int = (
        2 * 1024 * 1024 * 1024
    )  # bodies in files of all requests in flight together
    held_bytes: int = 256 * 1024 * 1024  # bodies of all requests in flight together
    connections: int = 8192
    in_flight: int = 2048  # requests being answered or waiting for it
    pipelined: int = 16  # requests of one connection that wait while it is not read
    head_s: float = 10.0  # from a request's first byte to the end of its header
    body_s: float = 30.0  # for a body, and 1 s more for each `body_bytes_per_s` received
    body_bytes_per_s: int = 8 * 1024
    idle_s: float = 75.0  # between requests
    write_s: float = 30.0  # for a caller to read anything of what waits to be sent
    linger_s: float = 2.0  # reading on after a refusal, so that a reset does not eat it
    retry_after_s: int = 1


# Of a port where endpoints are called, with a folder for bodies that are too large for memory.
ENDPOINTS = Limits(large_body_bytes=100 * 1024 * 1024)
