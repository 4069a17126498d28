"""The live socket: who may listen, what is passed on, when it is closed."""

import asyncio

import pytest
import redis
from channels.db import database_sync_to_async
from django.contrib.sessions.models import Session

from hub.common.settings import SETTINGS
from hub.common.tenancy import tenant
from hub.live import consumer, publish, switchboard, topics
from hub.live.routing import origins
from tests.factories.accounts import a_member, a_user, owner_of
from tests.factories.projects import an_environment
from tests.integration.hub import place
from tests.integration.hub.live.sockets import Page

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def a_topic():
    topics.register("lines", "environment")


@pytest.fixture
def environment():
    return an_environment()


@pytest.fixture
def topic(environment):
    return str(topics.about("lines", environment.pk))


@pytest.fixture
def owner(environment):
    return owner_of(environment.organization_id)


def tell(environment, cursor=None):
    return database_sync_to_async(publish)("lines", environment.pk, cursor)


async def test_a_hint_reaches_a_members_page(environment, topic, owner):
    async with Page(owner) as page:
        assert await page.subscribe(topic) == {"type": "subscribed", "topic": topic}

        await tell(environment, {"s1": 7})

        assert await page.hear() == {"type": "hint", "topic": topic, "cursor": {"s1": 7}}


async def test_many_hints_become_one_with_the_highest_seqs(environment, topic, owner, monkeypatch):
    monkeypatch.setattr(consumer, "EVERY_S", 1.0)
    async with Page(owner) as page:
        await page.subscribe(topic)
        await tell(environment, {"s1": 1})
        await page.hear()
        for seq in range(2, 30):
            await tell(environment, {"s1": seq, "s2": 100 - seq})

        cursors = [(await page.hear())["cursor"]]
        while cursors[-1]["s1"] < 29:  # on a busy machine the telling takes more than one interval
            cursors.append((await page.hear())["cursor"])

    assert len(cursors) < 10
    assert max(one["s2"] for one in cursors) == 98


async def test_nothing_is_told_before_it_is_committed(environment, topic, owner):
    @database_sync_to_async
    def publish_and_take_back():
        with pytest.raises(ZeroDivisionError), tenant(environment.organization_id):
            publish("lines", environment.pk, {"taken-back": 1})
            raise ZeroDivisionError

    async with Page(owner) as page:
        await page.subscribe(topic)
        await publish_and_take_back()
        await tell(environment, {"kept": 1})

        assert (await page.hear())["cursor"] == {"kept": 1}


@pytest.mark.parametrize(
    "text", ["lines:env_00000000000000000000000000", "lines:nonsense", "lines:"]
)
async def test_what_is_not_there_is_refused(owner, text):
    async with Page(owner) as page:
        assert await page.subscribe(text) == {
            "type": "refused",
            "topic": text,
            "code": "live.not-found",
        }


async def test_a_strangers_topic_is_refused_as_if_it_were_not_there(topic):
    stranger = await database_sync_to_async(a_user)()
    async with Page(stranger) as page:
        assert (await page.subscribe(topic))["code"] == "live.not-found"


async def test_an_unknown_topic_is_refused(owner):
    async with Page(owner) as page:
        assert (await page.subscribe("weather:today"))["code"] == "live.unknown-topic"


@pytest.mark.parametrize(
    "text", ["{", "[]", "1", '{"type": "emit", "topic": "a"}', '{"type": "subscribe", "topic": 1}']
)
async def test_a_message_that_is_none_of_ours_is_refused(owner, text):
    async with Page(owner) as page:
        await page.socket.send_to(text)
        assert (await page.hear())["code"] == "live.unreadable"


async def test_a_message_that_is_too_long_closes_the_socket(owner):
    async with Page(owner) as page:
        await page.socket.send_to("x" * 2000)
        assert await page.closed_with() == 1009


async def test_a_page_cannot_listen_to_everything(owner, topic, monkeypatch):
    monkeypatch.setattr(consumer, "MOST_TOPICS", 0)
    async with Page(owner) as page:
        assert (await page.subscribe(topic))["code"] == "live.too-many-topics"


async def test_an_unsubscribed_topic_is_silent(environment, topic, owner):
    other = await database_sync_to_async(an_environment)()
    async with Page(owner) as page:
        await page.subscribe(topic)
        await page.say(type="unsubscribe", topic=topic)
        await page.subscribe(
            str(topics.about("lines", other.pk))
        )  # answered, so the one before it was read
        await tell(environment)
        assert await page.socket.receive_nothing(timeout=0.3)


async def test_nobody_signed_in_is_told_to_sign_in():
    async with Page(None) as page:
        assert page.accepted
        assert await page.closed_with() == 4401


async def test_another_sites_page_is_refused(owner):
    async with Page(owner, origin="https://evil.test") as page:
        assert not page.accepted


async def test_a_removed_members_socket_is_closed(environment, topic):
    def removed():
        with tenant(environment.organization_id):
            member.delete()

    member = await database_sync_to_async(a_member)(environment.organization_id)
    async with Page(member.user) as page:
        await page.subscribe(topic)
        await database_sync_to_async(removed)()
        assert await page.closed_with() == 4403


async def test_signing_out_closes_the_socket(topic, owner):
    async with Page(owner) as page:
        await page.subscribe(topic)
        await database_sync_to_async(Session.objects.all().delete)()
        assert await page.closed_with() == 4403


async def test_a_new_password_closes_the_socket(topic, owner):
    async with Page(owner) as page:
        await page.subscribe(topic)
        owner.set_unusable_password()
        await database_sync_to_async(owner.save)()
        assert await page.closed_with() == 4403


def test_rights_are_asked_often_enough_to_close_within_five_seconds():
    assert switchboard.WATCH_EVERY_S <= 3


async def test_pages_are_told_to_read_again_after_redis_restarts(environment, topic, owner):
    async with Page(owner) as page:
        await page.subscribe(topic)
        await tell(environment, {"s1": 1})
        await page.hear()

        await asyncio.to_thread(restart_valkey)

        assert await page.hear() == {"type": "hint", "topic": topic, "cursor": None}
        await tell(environment, {"s1": 2})
        assert (await page.hear())["cursor"] == {"s1": 2}


def restart_valkey():
    with redis.Redis.from_url(SETTINGS.redis_url) as client:
        client.shutdown(nosave=True)
    place.start_valkey()


def test_pages_by_the_loopbacks_other_name_are_ours_in_development_only():
    both = ["http://127.0.0.1:8000", "http://localhost:8000"]

    assert origins("http://localhost:8000/", is_production=False) == both
    assert origins("http://127.0.0.1:8000", is_production=False) == both
    assert origins("https://hub.example.com", is_production=True) == ["https://hub.example.com"]
