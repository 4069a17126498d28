"""Publishing a hint, from any process and any thread of the Hub."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

import redis
import structlog
from channels.layers import get_channel_layer
from django.db import transaction

from hub.common.settings import SETTINGS
from hub.live import topics

log = structlog.get_logger()


def publish(name: str, id: UUID, cursor: Mapping[str, int] | None = None) -> None:
    """Tell whoever listens to `name:id` to read again, once what was written is committed.

    `cursor` is {stream: highest seq}. Sockets pass on at most one hint a topic each 100 ms, with the highest seqs.
    With Redis away the hint is lost, and logged: pages read again when it is back.
    """
    topic = topics.about(name, id)
    message = {"type": "hint", "topic": topic.group, "cursor": dict(cursor) if cursor else None}
    transaction.on_commit(lambda: _send(topic.group, message), robust=True)


def _send(group: str, message: dict[str, Any]) -> None:
    # The layer's own group_send is async: from a thread it would open a loop and a connection for each hint.
    layer: Any = get_channel_layer()
    try:
        _redis().publish(
            layer._get_layer()._get_group_channel_name(group), layer.serialize(message)
        )
    except redis.RedisError as error:
        log.warning("live.hint-lost", group=group, why=str(error))


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(SETTINGS.redis_url, socket_timeout=0.5, socket_connect_timeout=0.5)
