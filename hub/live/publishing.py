"""Publishing a hint, from any process and any thread of the Hub."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from uuid import UUID

import redis
import structlog
from django.db import transaction

from hub.common.settings import SETTINGS
from hub.live import topics

log = structlog.get_logger()
CHANNEL = "live:"  # before a topic's group, among Redis's channels


def publish(name: str, id: UUID, cursor: Mapping[str, int] | None = None) -> None:
    """Tell whoever listens to `name:id` to read again, once what was written is committed.

    `cursor` is {stream: highest seq}. Sockets pass on at most one hint a topic each 100 ms, with the highest seqs.
    With Redis away the hint is lost, and logged; sockets tell their pages to read again when it is back.
    """
    topic = topics.about(name, id)
    payload = json.dumps(dict(cursor) if cursor else None)
    transaction.on_commit(lambda: _send(topic.group, payload), robust=True)


def publish_all(name: str, ids: Iterable[UUID]) -> None:
    """`publish` for many objects at once, in one trip to Redis."""
    groups = [topics.about(name, id).group for id in ids]
    transaction.on_commit(lambda: _send_all(groups), robust=True)


def _send(group: str, payload: str) -> None:
    try:
        _redis().publish(CHANNEL + group, payload)
    except redis.RedisError as error:
        log.warning("live.hint-lost", group=group, why=str(error))


def _send_all(groups: list[str]) -> None:
    try:
        with _redis().pipeline(transaction=False) as pipeline:
            for group in groups:
                pipeline.publish(CHANNEL + group, "null")
            pipeline.execute()
    except redis.RedisError as error:
        log.warning("live.hint-lost", groups=len(groups), why=str(error))


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(SETTINGS.redis_url, socket_timeout=0.5, socket_connect_timeout=0.5)
