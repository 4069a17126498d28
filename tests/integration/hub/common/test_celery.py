"""Where the messages of tasks go."""

from __future__ import annotations

import asyncio
from typing import Any

from hub.celery import app
from hub.common.settings import SETTINGS
from hub.common.tasks import hand_out_left_overs


async def test_a_task_sent_from_a_requests_thread_goes_to_our_broker() -> None:
    """Each thread has a current app of its own: one without ours would ask a broker that nobody runs."""
    task: Any = hand_out_left_overs
    sent_by = await asyncio.to_thread(lambda: task.app)

    assert sent_by is app
    assert sent_by.conf.broker_url == SETTINGS.redis_url
