"""A Chromium for a test session, and pages of it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, async_playwright

from infra.browser import find_or_install

# Without these Chromium calls home at its start; as root it has no sandbox of its own.
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ARGUMENTS = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


@pytest.fixture
async def context(tmp_path: Path) -> AsyncIterator[BrowserContext]:
    """A browser's fresh profile, 1440 px wide. How its pages looked at the end lies in the test's folder."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_or_install(), args=ARGUMENTS
        )
        try:
            context = await browser.new_context(
                viewport={"width": 1440, "height": 900}, ignore_https_errors=True
            )
            yield context
            for number, page in enumerate(context.pages):
                await page.screenshot(path=tmp_path / f"page-{number}.png")
        finally:
            await browser.close()
