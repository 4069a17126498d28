"""The local screens in a real browser, over `wistro dev`."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from infra.browser import find_or_install
from infra.ports import free_ports
from tests.integration.wistro.running import a_template, ask, wistro

PATIENCE_MS = 20_000


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_or_install(), args=arguments
        )
        try:
            yield await browser.new_page()
        finally:
            await browser.close()


async def test_a_person_sees_flows_runs_logs_and_problems(tmp_path: Path, page: Page) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    root = a_template(tmp_path / "shop")
    port, ui_port = free_ports(2)
    complaints: list[str] = []
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    ports = ("--port", str(port), "--ui-port", str(ui_port))
    async with wistro("dev", *ports, folder=root) as running:
        address = (await running.line("token=")).split()[-1]
        await running.line("watching")

        await page.goto(address)
        await expect(page).to_have_url(re.compile(r":\d+/flows$"))  # no token is left in it
        await expect(page.get_by_text("Keep greeting")).to_be_visible()

        await page.get_by_role("link", name="Runs").click()
        await expect(page.get_by_text(f"http://127.0.0.1:{port}/greetings")).to_be_visible()
        answer = await ask(port, "POST", "/greetings", {"name": "Ada"})
        await page.get_by_role("button", name="1 new run").click()  # it was told by itself
        await page.get_by_role("link").filter(has_text="POST /greetings").click()
        await expect(page).to_have_url(re.compile(f"/runs/{answer.json['id']}"))
        await expect(page.get_by_text("greeting kept")).to_be_visible()

        await page.get_by_role("link", name="Logs").click()
        await expect(page.get_by_text("greeting asked")).to_be_visible()

        step = root / "src/greetings/keep.step.py"
        step.write_text(step.read_text().replace("async def", "async deff"))
        await page.get_by_role("link", name="Problems").click()
        await expect(page.get_by_text("src/greetings/keep.step.py:25")).to_be_visible()
        step.write_text(step.read_text().replace("async deff", "async def"))
        await expect(page.get_by_text("No problem")).to_be_visible()

    assert [one for one in complaints if "ERR_CONNECTION" not in one] == []


async def test_a_browser_without_the_token_sees_nothing(tmp_path: Path, page: Page) -> None:
    port, ui_port = free_ports(2)
    ports = ("--port", str(port), "--ui-port", str(ui_port))
    async with wistro("dev", *ports, folder=a_template(tmp_path / "shop")) as running:
        await running.line("watching")

        answer = await page.goto(f"http://127.0.0.1:{ui_port}/flows")

    assert answer is not None and answer.status == 401
