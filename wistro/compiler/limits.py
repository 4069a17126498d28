"""How much of a step runs when: `concurrency`, `fifo`, `rateLimit`, `delay`, of a config and of wistro.yml's defaults.

`false` switches a default off. What is given takes the place of the default as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wistro.compiler import problems, values
from wistro.lock.model import Concurrency, Fifo, RateLimit
from wistro.schemas import Schema

MOST_AT_ONCE = 100_000
MOST_PER = 1_000_000
LONGEST_PATH = 200
KEYED = ("concurrency", "fifo", "rateLimit")


@dataclass
class Limits:
    """What wistro.yml says for every step."""

    concurrency: Concurrency | None = None
    fifo: Fifo | None = None
    rate_limit: RateLimit | None = None
    delay: str | None = None


def concurrency(value: Any, where: str) -> Concurrency | None:
    given = _mapping(value, "concurrency", {"limit", "key"}, "{limit: 10}", where)
    if given is None:
        return None
    limit = _whole(given, "concurrency.limit", MOST_AT_ONCE, where)
    return Concurrency(limit, _path(given, "concurrency.key", where))


def fifo(value: Any, where: str) -> Fifo | None:
    given = _mapping(value, "fifo", {"key", "onDead"}, "{key: order_id}", where)
    if given is None:
        return None
    on_dead = given.get("onDead", "continue")
    if on_dead not in ("continue", "block"):
        raise problems.BadConfig(
            f"`fifo.onDead` is {values.shown(on_dead)}",
            hint="`continue`: the lane goes on without a dead letter; `block`: it waits until that is redriven or deleted.",
            where=where,
        )
    return Fifo(_path(given, "fifo.key", where), on_dead)


def rate_limit(value: Any, where: str) -> RateLimit | None:
    known = {"limit", "per", "key"}
    given = _mapping(value, "rateLimit", known, "{limit: 100, per: 1m}", where)
    if given is None:
        return None
    limit = _whole(given, "rateLimit.limit", MOST_PER, where)
    if "per" not in given:
        raise problems.BadConfig(
            "`rateLimit` says no `per`", hint="As in {limit: 100, per: 1m}.", where=where
        )
    per = values.duration(given["per"], "rateLimit.per", where, least_s=0.001)
    return RateLimit(limit, per, _path(given, "rateLimit.key", where))


def delay(value: Any, where: str) -> str | None:
    return None if value is False else values.duration(value, "delay", where)


READERS: Mapping[str, tuple[str, Callable[[Any, str], Any]]] = {
    "concurrency": ("concurrency", concurrency),
    "fifo": ("fifo", fifo),
    "rateLimit": ("rate_limit", rate_limit),
    "delay": ("delay", delay),
}


def check_path(path: str | None, key: str, input: Schema | None, where: str) -> None:
    """A key whose field no message can have, as far as the input's schema says that at its top."""
    if path is None or not isinstance(input, dict):
        return
    first = path.split(".")[0]
    fields = input.get("properties")
    if (
        isinstance(fields, dict)
        and first not in fields
        and input.get("additionalProperties") is False
    ):
        hint = problems.did_you_mean(first, fields) or f"It has: {', '.join(sorted(fields))}."
        raise problems.BadConfig(
            f"`{key}.key` names `{first}`, which the step's `input` does not have",
            hint=hint,
            where=where,
        )


def _mapping(
    value: Any, key: str, known: set[str], example: str, where: str
) -> dict[str, Any] | None:
    if value is False:
        return None
    if not isinstance(value, dict):
        raise problems.BadConfig(
            f"`{key}` is like {example}, not {values.shown(value)}", where=where
        )
    if unknown := problems.check_keys(
        value, known=known, not_yet=set(), of=f"`{key}`", where=dict.fromkeys(value, where)
    ):
        raise unknown[0]
    return value


def _whole(given: dict[str, Any], key: str, most: int, where: str) -> int:
    number = given.get(key.split(".")[1])
    if isinstance(number, bool) or not isinstance(number, int | float) or number != int(number):
        raise problems.BadConfig(
            f"`{key}` is a whole number, not {values.shown(number)}", where=where
        )
    if not 1 <= number <= most:
        raise problems.BadConfig(
            f"`{key}` is from 1 to {most:,}, not {values.shown(number)}", where=where
        )
    return int(number)


def _path(given: dict[str, Any], key: str, where: str) -> str | None:
    """A dotted path into the message: `sku`, `order.customer.id`, `items.0.sku`."""
    if given.get("key") is None:
        return None
    path = values.text(given["key"], key, where, limit=LONGEST_PATH)
    path = path.removeprefix("$.")
    if not all(part and part == part.strip() for part in path.split(".")):
        raise problems.BadConfig(
            f"`{key}` {values.shown(path)} is not a path into the message",
            hint="Its fields with dots between: sku, or order.customer.id.",
            where=where,
        )
    return path
