"""`wistro link` on a real terminal: it asks, and asks again."""

import fcntl
import json
import os
import pty
import termios

import pytest

from tests.factories.accounts import a_token, an_organization, owner_of
from tests.factories.projects import a_project

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(terminal):
    acme = an_organization(slug="acme")
    a_project(acme, slug="shop")
    a_project(an_organization(slug="others"), slug="secret")
    terminal.env["WISTRO_TOKEN"] = a_token(owner_of(acme))
    return terminal


def link_of(terminal):
    return json.loads((terminal.folder / ".wistro" / "project.json").read_text())


def heard(screen: int, until: bytes) -> bytes:
    said = b""
    while until not in said:
        said += os.read(screen, 4096)
    return said


def test_a_terminal_is_asked_until_the_answer_is_one_of_the_list(shop):
    screen, other_side = pty.openpty()
    running = shop.start(
        "link",
        stdin=other_side,
        stderr=other_side,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    try:
        said = heard(screen, b"Number")
        os.write(screen, b"7\n")
        said += heard(screen, b"from 1 to 1")
        os.write(screen, b"1\n")
        said += heard(screen, b"deploy")
        running.communicate(timeout=30)
    finally:
        running.kill()
        os.close(other_side)
        os.close(screen)

    assert running.returncode == 0
    assert b"secret" not in said
    assert (link_of(shop)["organization"], link_of(shop)["project"]) == ("acme", "shop")


def test_a_script_is_not_asked(shop):
    said = shop("link")

    assert said.code == 1
    assert "link.none" in said.err


def test_a_named_project_is_linked_and_one_of_others_is_not_there(shop):
    assert shop("link", "acme/shop").code == 0
    assert link_of(shop)["hub"] == shop.hub
    assert "hub.no-project" in shop("link", "others/secret").err
    assert link_of(shop)["project"] == "shop"


def test_a_folder_of_another_hub_is_not_mistaken(shop):
    shop("link", "acme/shop")
    file = shop.folder / ".wistro" / "project.json"
    file.write_text(file.read_text().replace(shop.hub, "https://hub.test"))

    said = shop("versions")

    assert said.code == 1
    assert "https://hub.test" in said.err
