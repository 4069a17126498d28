"""`wistro runs` and `logs` against the real Hub."""

import json
from uuid import UUID

import msgspec
import pytest

from hub.runs.store import records
from tests.factories.accounts import a_token, an_organization, owner_of
from tests.factories.projects import a_project, an_environment
from tests.factories.runs import a_sender
from wistro.protocol.ids import show
from wistro.protocol.records import RecordsBatch

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ingest"])


@pytest.fixture
def prod():
    return an_environment(a_project(an_organization(slug="acme"), slug="shop"), name="prod")


@pytest.fixture
def shop(terminal, prod):
    terminal.env["WISTRO_TOKEN"] = a_token(owner_of(prod.organization_id))
    assert terminal("link", "acme/shop").code == 0
    return terminal


@pytest.fixture
def boot(prod):
    """An engine whose agent tells of a run that died, and a line of it."""
    made = a_sender(prod).boot()
    made.died = made.run(status="dead").run_id
    made.attempt(made.died, outcome="dead")
    made.line("a line", step="src/order")
    take(made)
    return made


def take(boot):
    records.take(
        msgspec.convert(boot.batch(), RecordsBatch), organization_id=boot.sender.organization_id
    )


def test_runs_are_listed_with_the_command_that_shows_one(shop, boot):
    said = shop("runs", "prod")

    id = show("run", boot.died)
    assert said.code == 0, said.err
    assert id in said.out
    assert "dead" in said.out
    assert said.err.rstrip().endswith(f"next: wistro runs prod {id}")
    assert json.loads(shop("runs", "prod", "--json", "--status", "done").out) == []


def test_one_run_is_shown_attempt_by_attempt(shop, boot):
    said = shop("runs", "prod", show("run", boot.died))

    assert said.code == 0, said.err
    assert "src/order" in said.out
    assert json.loads(shop("runs", "prod", show("run", boot.died), "--json").out)["attempts"]


def test_lines_are_shown_and_come_as_json(shop, boot):
    assert "a line" in shop("logs", "prod").out
    assert json.loads(shop("logs", "prod", "--json").out)["message"] == "a line"
    assert shop("logs", "prod", "--level", "error").out == ""


def test_followed_lines_come_once_each_and_ctrl_c_ends_it(shop, boot):
    following = shop.start("logs", "prod", "--follow")
    try:
        assert "a line" in following.stdout.readline()
        boot.line("größer\x1b[2J")
        take(boot)
        assert "größer\N{REPLACEMENT CHARACTER}[2J" in following.stdout.readline()
    finally:
        following.terminate()
        following.communicate(timeout=30)


def test_a_level_or_a_status_that_is_none_is_refused_with_those_there_are(shop, prod):
    level = shop("logs", "prod", "--level", "fatal")
    status = shop("runs", "prod", "--status", "finished")

    assert (level.code, status.code) == (2, 2)
    assert "'debug', 'info', 'warn', 'error'" in level.err
    assert "'interrupted'" in status.err


@pytest.mark.parametrize("run", ["run_nothing", show("run", UUID(int=7))])
def test_a_run_that_is_not_there_is_said_with_where_to_look(shop, prod, run):
    said = shop("runs", "prod", run)

    assert said.code == 1
    assert f"error: prod has no run {run}" in said.err
    assert "hub.no-run" in said.err
    assert "Traceback" not in said.err
