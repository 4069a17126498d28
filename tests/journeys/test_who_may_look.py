"""A screen that is open while its reader's right ends: a member removed, a session over. It says so, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.journeys.person import Person
from tests.journeys.systems import whole_system

pytestmark = pytest.mark.timeout(180)
PASSWORD = "correct horse battery 1"


async def test_an_open_screen_says_that_its_reader_may_look_no_longer(
    tmp_path: Path, context: BrowserContext
):
    async with whole_system(tmp_path) as whole:
        ada = Person(await context.new_page(), hub=whole.hub, email="ada@example.com")
        await ada.signs_up(PASSWORD)
        await ada.makes("acme", "parcels")
        assert context.browser is not None
        apart = await context.browser.new_context(viewport={"width": 1440, "height": 900})
        bob = Person(await apart.new_page(), hub=whole.hub, email="bob@example.com")
        await bob.signs_up(PASSWORD)

        await adds(ada, bob.email)
        await bob.opens("/acme/parcels/prod/runs")
        await expect(bob.page.get_by_text("Nothing serves here yet")).to_be_visible()
        await removes(ada, bob.email)
        await expect(bob.page.get_by_text("There is nothing at this address")).to_be_visible(
            timeout=15_000
        )

        await ada.opens("/acme/parcels/prod/runs")
        await expect(ada.page.get_by_text("Nothing serves here yet")).to_be_visible()
        await session_ends(context, ada.page)
        await ada.page.get_by_label("E-mail").fill(ada.email)
        await ada.page.get_by_label("Password").fill(PASSWORD)
        await ada.page.get_by_role("button", name="Sign in").click()
        await ada.page.wait_for_url("**/acme/parcels/prod/runs?status=failed")
        await apart.close()


async def adds(owner: Person, email: str) -> None:
    await owner.opens("/acme/settings")
    await owner.page.get_by_label("Add a member").fill(email)
    await owner.page.get_by_role("button", name="Add", exact=True).click()
    await expect(owner.page.get_by_text(f"{email} is a member.")).to_be_visible()


async def removes(owner: Person, email: str) -> None:
    row = owner.page.get_by_role("row", name=email)
    await row.get_by_role("button", name="Remove").click()
    await owner.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(row).to_have_count(0)


async def session_ends(context: BrowserContext, page: Page) -> None:
    """Its cookie is gone; the next thing that the open page asks for leads to the sign-in, and remembers where one was."""
    for cookie in await context.cookies():
        if cookie.get("name", "").endswith("session"):
            await context.clear_cookies(name=cookie.get("name"))
    await page.get_by_label("Status").select_option("failed")
    await page.wait_for_url("**/sign-in?next=*")
