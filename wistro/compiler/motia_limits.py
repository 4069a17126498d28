"""Motia's `infrastructure`: its spelling of timeout, retries, delay and fifo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wistro.compiler import limits, problems, values
from wistro.errors import NotYet
from wistro.lock.model import Fifo, StepConfig

# Of Motia's cloud and queues: hosts are shared by steps, and what a dead one held is found at once.
MEANINGLESS = {
    ("handler", "ram"),
    ("handler", "cpu"),
    ("handler", "machineType"),
    ("queue", "visibilityTimeout"),
}


def read(
    given: Any, config: StepConfig, *, where: Callable[..., str], ignore: Callable[[str, str], None]
) -> None:
    """Put into `config` what wistro has too; `ignore` hears of what changes nothing here. The rest is refused."""
    if not isinstance(given, dict):
        raise problems.BadConfig("`infrastructure` is a mapping", where=where("infrastructure"))
    for part, keys in given.items():
        for key, value in (keys if isinstance(keys, dict) else {"": keys}).items():
            at = where("infrastructure", key)
            if (part, key) in MEANINGLESS:
                ignore(f"infrastructure.{part}.{key}", at)
            elif not _taken(config, part, key, value, at):
                raise NotYet(f"`infrastructure.{part}.{key}` is not built yet", where=at)


def _taken(config: StepConfig, part: str, key: str, value: Any, at: str) -> bool:
    if (part, key) == ("handler", "timeout"):
        config.timeout = values.duration(value, "timeout", at, least_s=0.001)
    elif (part, key) == ("queue", "maxRetries") and config.type != "api":
        config.retries = values.retries({"max": value}, at, base=config.retries)
    elif (part, key) == ("queue", "delaySeconds") and config.type == "event":
        config.delay = values.duration(value, "delaySeconds", at) if value else None
    elif (part, key, value) == ("queue", "type", "fifo") and config.type == "event":
        config.fifo = config.fifo or Fifo()
    elif (part, key) == ("queue", "messageGroupId") and config.type == "event":
        config.fifo = limits.fifo({"key": value}, at)
    else:
        return (part, key, value) in (("queue", "type", "standard"), ("queue", "delaySeconds", 0))
    return True
