"""What open pages are told when records come."""

from __future__ import annotations

from typing import Any

import pytest
from channels.db import database_sync_to_async

from tests.factories.accounts import owner_of
from tests.factories.clients import client
from tests.factories.runs import a_sender
from tests.integration.hub.live.sockets import Page
from wistro.protocol.ids import show


@pytest.mark.django_db(transaction=True, databases=["default", "ingest"])
async def test_a_batch_hints_at_its_lines_and_runs_with_the_highest_seq(machines: Any) -> None:
    sender = await database_sync_to_async(a_sender)()
    owner = await database_sync_to_async(owner_of)(sender.organization_id)
    boot = sender.boot()
    run = boot.run()
    boot.attempt(run.run_id)
    boot.line()
    topics = [
        f"lines:{show('environment', sender.environment.pk)}",
        f"runs:{show('environment', sender.environment.pk)}",
        f"run:{show('run', run.run_id)}",
    ]
    post = database_sync_to_async(client(token=sender.token).post)
    first = await post("/machine/v1/records", boot.batch(), format="json")
    async with Page(owner) as page:
        for topic in topics:
            assert (await page.subscribe(topic))["type"] == "subscribed"
        boot.run(run.run_id)
        boot.line()

        answer = await post("/machine/v1/records", boot.batch(), format="json")
        hints = {}
        while len(hints) < 3:
            hint = await page.hear()
            hints[hint["topic"]] = hint.get("cursor")

    assert (first.status_code, answer.json()["seq"]) == (200, 5)
    assert hints == {topics[0]: {boot.stream: 5}, topics[1]: None, topics[2]: None}
