"""Somebody at a browser: what the journeys do with the Hub's screens, in a person's words."""

from __future__ import annotations

import re
from typing import Any

import httpx
from playwright.async_api import Page, expect

PATIENCE_MS = 30_000


class Person:
    """One browser page signed in at one Hub. `hub` is its address without a slash at the end."""

    def __init__(self, page: Page, *, hub: str, email: str) -> None:
        self.page = page
        self.hub = hub
        self.email = email
        self.project = ""  # "<organization>/<project>" once made

    async def opens(self, path: str) -> None:
        await self.page.goto(self.hub + path)

    async def reads(self, path: str) -> Any:
        """What the API answers to this person's own session."""
        response = await self.page.request.get(self.hub + path)
        assert response.ok, (path, response.status, await response.text())
        return await response.json()

    async def signs_up(self, password: str) -> None:
        await self.opens("/sign-up")
        await self.page.get_by_label("E-mail").fill(self.email)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Create account").click()
        await self.page.wait_for_url("**/verify-email*")
        await self.page.get_by_label("Code from the e-mail").fill(await self._code())
        await self.page.get_by_role("button", name="Confirm address").click()
        await self.page.wait_for_url("**/new*")

    async def _code(self) -> str:
        async with httpx.AsyncClient(base_url=self.hub) as client:
            mails = (await client.get("/api/v1/outbox")).json()["items"]
        text = next(mail["text"] for mail in mails if self.email in mail["to"])
        found = re.search(r"^\s*([A-Z0-9]{3,}(?:-[A-Z0-9]{3,})*)\s*$", text, re.MULTILINE)
        assert found, text
        return found[1]

    async def makes(self, organization: str, project: str) -> None:
        """An organization and its first project; afterwards the page asks for the code."""
        for name, label in ((organization, "Create organization"), (project, "Create project")):
            button = self.page.get_by_role("button", name=label)
            await expect(button).to_be_visible()
            await self.page.get_by_label("Name", exact=True).fill(name)
            await button.click()
        await expect(self.page.get_by_text("Waiting for the first push")).to_be_visible(
            timeout=PATIENCE_MS
        )
        self.project = f"{organization}/{project}"

    async def environment(self, name: str) -> dict[str, Any]:
        organization, project = self.project.split("/")
        found = await self.reads(f"/api/v1/organizations/{organization}/projects/{project}")
        return next(one for one in found["environments"] if one["name"] == name)

    async def sets_variable(self, environment: str, name: str, value: str) -> None:
        await self.opens(f"/{self.project}/{environment}/settings")
        await self.page.get_by_label("Name", exact=True).fill(name)
        await self.page.get_by_label("Value", exact=True).fill(value)
        await self.page.get_by_role("button", name="Set", exact=True).click()
        await expect(self.page.get_by_role("cell", name=name, exact=True)).to_be_visible()

    async def connects_github(self, repository: str) -> None:
        """From the project's settings through GitHub's pages, where the Hub's App is made and installed, and back."""
        await self.opens(f"/{self.project}/settings")
        await self.page.get_by_role("button", name="Connect GitHub").click()
        for button in ("Create the App on GitHub", "Create GitHub App"):
            await self.page.get_by_role("button", name=button).click()
        account, _, _ = repository.partition("/")
        await self.page.get_by_label("Account").select_option(account)
        await self.page.get_by_label("All repositories").check()
        await self.page.get_by_role("button", name="Install").click()
        choice = self.page.get_by_label("Repository", exact=True)
        await expect(choice).to_be_visible(timeout=PATIENCE_MS)
        await choice.select_option(repository)

    async def sees_version(self, number: int, state: str, *, patience_ms: int = 120_000) -> None:
        await self.opens(f"/{self.project}/versions")
        row = self.page.locator(f'[data-version="{number}"]')
        await expect(row).to_contain_text(state, timeout=patience_ms)

    async def types_weights(self, environment: str, percents: dict[int, str], why: str) -> int:
        """Type a weight for each version, and do not apply them yet; the generation they would be."""
        await self.opens(f"/{self.project}/{environment}/traffic")
        for (
            version
        ) in percents:  # what is locked stays when others are typed, so that the sum is theirs
            await expect(self.page.get_by_label(f"Percent for version {version}")).to_be_visible()
        generation = (await self._traffic(environment))["generation"]
        for version, percent in percents.items():
            field = self.page.get_by_label(f"Percent for version {version}")
            if await field.is_enabled():
                await field.fill(percent)
                await field.press("Enter")
                lock = self.page.get_by_label(f"Keep version {version} as it is")
                if await lock.get_attribute("aria-pressed") == "false":
                    await lock.click()
        await self.page.get_by_label("Why (shown in the history)").fill(why)
        return generation + 1

    async def applies_weights(self, generation: int) -> None:
        """Apply what was typed, and wait until the gateways have it."""
        await self.page.get_by_role("button", name="Apply weights").click()
        acknowledged = re.compile(rf"Generation {generation} on (\d+)/\1 gateways")
        await expect(self.page.get_by_text(acknowledged)).to_be_visible(timeout=PATIENCE_MS)

    async def _traffic(self, environment: str) -> dict[str, Any]:
        found = await self.environment(environment)
        return await self.reads(f"/api/v1/environments/{found['id']}/traffic")

    async def adds_to_dataset(self, environment: str, run: str, dataset: str) -> None:
        await self.opens(f"/{self.project}/{environment}/runs/{run}")
        await self.page.get_by_role("button", name="Add as sample").click()
        if await self.page.get_by_label("Dataset", exact=True).count():
            await self.page.get_by_label("Dataset", exact=True).select_option(
                label="A new dataset…"
            )
        await self.page.get_by_label("Its name").fill(dataset)
        await self.page.get_by_role("button", name="Add sample").click()
        await expect(self.page.get_by_text("Added.")).to_be_visible()
