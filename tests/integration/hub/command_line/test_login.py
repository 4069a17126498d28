"""`wistro login`, `whoami` and `logout` as processes against the real Hub; the test is the browser."""

import json
import stat

import pytest

from hub.accounts.models import Token
from tests.factories.accounts import a_user, an_organization
from tests.integration.hub.command_line.browser import address_said, answer, visit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user():
    found = a_user(email="müller@example.test")
    an_organization(owner=found, slug="acme")
    return found


def log_in(terminal, user):
    running = terminal.start("login", "--no-browser")
    status, page = visit(answer(address_said(running), user, with_="allow"))
    _, said = running.communicate(timeout=30)
    assert (status, running.returncode) == (200, 0), said
    assert "Back to the terminal" in page
    return said


def credentials(terminal):
    return terminal.home / "config" / "wistro" / "credentials.json"


def test_a_login_keeps_a_token_that_only_its_user_can_read(terminal, user):
    said = log_in(terminal, user)

    assert "✓ Signed in" in said
    assert said.rstrip().endswith("next: wistro link")
    file = credentials(terminal)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    kept = json.loads(file.read_text())
    assert kept["current"] == terminal.hub
    assert kept["hubs"][terminal.hub]["email"] == user.email
    me = terminal("whoami", "--json")
    assert json.loads(me.out)["organizations"] == ["acme"]


def test_a_second_login_takes_the_first_token_back(terminal, user):
    log_in(terminal, user)
    log_in(terminal, user)

    assert Token.objects.filter(user=user).count() == 1
    assert terminal("whoami").code == 0


def test_logging_out_revokes_the_token_and_forgets_it(terminal, user):
    log_in(terminal, user)

    said = terminal("logout")

    assert (said.code, Token.objects.count()) == (0, 0)
    assert json.loads(credentials(terminal).read_text())["hubs"] == {}
    refused = terminal("whoami")
    assert refused.code == 1
    assert "hub.not-signed-in" in refused.err


def test_a_denied_login_says_so_and_keeps_nothing(terminal, user):
    running = terminal.start("login", "--no-browser")
    visit(answer(address_said(running), user, with_="deny"))

    _, said = running.communicate(timeout=30)

    assert running.returncode == 1
    assert "login.refused" in said
    assert not credentials(terminal).exists()


def test_an_answer_to_another_login_is_not_taken(terminal, user):
    running = terminal.start("login", "--no-browser")
    back = answer(address_said(running), user, with_="allow")
    visit(back.partition("&state=")[0] + "&state=another")

    _, said = running.communicate(timeout=30)

    assert running.returncode == 1
    assert "login.state" in said
    assert not Token.objects.exists()


def test_a_login_that_nobody_answers_ends(terminal):
    said = terminal("login", "--no-browser", "--timeout", "1")

    assert said.code == 1
    assert "login.timed-out" in said.err


def test_a_revoked_token_is_told_in_words(terminal, user):
    log_in(terminal, user)
    Token.objects.all().delete()

    said = terminal("whoami")

    assert said.code == 1
    assert "wistro login" in said.err
    assert "Traceback" not in said.err
