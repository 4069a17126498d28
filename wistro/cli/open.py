"""`wistro open`: the project's pages in a browser."""

from __future__ import annotations

import webbrowser
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

import typer

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.login import has_browser
from wistro.hub_client import api


class Page(StrEnum):
    overview = "overview"
    versions = "versions"
    datasets = "datasets"
    settings = "settings"
    traffic = "traffic"
    flows = "flows"
    runs = "runs"
    logs = "logs"
    endpoints = "endpoints"


_OF_THE_PROJECT = {Page.overview, Page.versions, Page.datasets}


def run(
    environment: Annotated[
        str | None, typer.Argument(help="An environment's page; else the project's.")
    ] = None,
    page: Annotated[Page | None, typer.Option(help="Which page.")] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it, or only say the address.")
    ] = True,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
) -> int:
    """Example: wistro open prod --page runs"""
    asked = hubs.signed_in(hub)
    of = hubs.project(asked, project)
    base = f"{asked.address}/{quote(of.organization.slug)}/{quote(of.slug)}"
    named = api.environment(of, environment).name if environment else None
    address = base + _path(named, page)
    if browser and has_browser() and webbrowser.open(address):
        say.done("Opened", address)
    else:
        say.out(address)
    say.next_step("wistro logs --follow")
    return 0


def _path(environment: str | None, page: Page | None) -> str:
    if page in _OF_THE_PROJECT and environment is not None:
        raise typer.BadParameter(f"`{page}` is a page of the whole project: name no environment")
    if environment is None and page is None:
        return ""
    if environment is None and (page in _OF_THE_PROJECT or page is Page.settings):
        return "" if page is Page.overview else f"/{page}"
    return f"/{environment or hubs.USUAL_ENVIRONMENT}/{page or Page.traffic}"
