"""`wistro deploy`: this folder as a new version, built by the Hub and started in an environment."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from wistro.cli import hub as hubs
from wistro.cli import say
from wistro.cli.follow import ended_badly, follow_build, follow_deployment
from wistro.cli.lock import say_compiled
from wistro.cli.progress import Progress
from wistro.hub_client import api
from wistro.hub_client.connection import Hub
from wistro.hub_client.following import Patience
from wistro.hub_client.shapes import Deployment, Environment, Project, Version
from wistro.variables import wanted

INTERRUPTED = 130


def run(
    folder: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    to: Annotated[
        str, typer.Option("--to", metavar="ENVIRONMENT", help="Where it is started.")
    ] = hubs.USUAL_ENVIRONMENT,
    project: hubs.ProjectOption = None,
    hub: hubs.HubOption = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Follow it until it is healthy or has failed.")
    ] = True,
    json: hubs.JsonOption = False,
) -> int:
    """Example: wistro deploy --to staging

    Compiles the folder, sends the files that the Hub does not have, and follows the build. Sent is what git
    would commit; never .env files, .git, .venv, node_modules.
    """
    root = folder.resolve()
    asked = hubs.signed_in(hub, root)
    into = hubs.project(asked, project, root)
    environment = api.environment(into, to)
    needed = _compiled(root)
    if needed is None:
        return 1
    again = f" --project {into.label}" if project else ""
    _say_unset(asked, environment, needed, again)
    version = None
    try:
        version, sent_bytes = _uploaded(asked, into, environment, root)
        size = say.size(sent_bytes) if sent_bytes else "the Hub had every file"
        say.done("Uploaded", f"version {version.number}", size)
        if not wait:
            say.next_step(f"wistro versions {version.number} --follow{again}")
            return _told(json, into, version, None, environment, 0)
        version, deployment = _followed(asked, version, environment)
    except KeyboardInterrupt:
        if version is None:
            raise
        say.talk("")
        say.note(f"version {version.number} goes on at the Hub without this terminal")
        say.next_step(f"wistro versions {version.number} --follow{again}")
        return INTERRUPTED
    code = ended_badly(version, deployment, to, again)
    if not code:
        environment = _said_healthy(asked, version, environment, again)
    return _told(json, into, version, deployment, environment, code)


def _compiled(root: Path) -> list[str] | None:
    """Compile and bring the lock up to date: the variables it wants a value for; None after having said what is wrong."""
    from wistro.compiler import check_lock
    from wistro.lock import file

    checked = check_lock(root)
    compiled = checked.compiled
    if compiled.lock is None and _lacks_packages(root) and _only_imports_fail(compiled.problems):
        say.note("the project's packages are not installed here, so only the builder compiles it")
        return []
    for one in compiled.warnings:
        say.warning(one)
    for one in compiled.problems:
        say.error(one)
    if compiled.lock is None:
        number = len(compiled.problems)
        say.talk(f"{number} problem{'' if number == 1 else 's'}; nothing was sent")
        return None
    path, data = root / file.NAME, file.write(compiled.lock)
    if not path.is_file() or path.read_bytes() != data:
        path.write_bytes(data)
        say.note(f"{file.NAME} was written anew; commit it")
    say_compiled(compiled.lock)
    return wanted(compiled.lock)


def _say_unset(asked: Hub, to: Environment, needed: list[str], again: str) -> None:
    """The steps start without a variable that has no value there, and some only find out when they are called."""
    unset = sorted(set(needed) - {one.name for one in api.variables(asked, to)}) if needed else []
    if unset:
        say.note(f"without a value in {to.name}: {', '.join(unset)}")
        say.next_step(f"wistro env set {unset[0]} --to {to.name}{again}")


def _only_imports_fail(problems: list[Any]) -> bool:
    return all(one.code == "lock.import" for one in problems)


def _lacks_packages(root: Path) -> bool:
    python = (root / "requirements.txt").is_file() or (root / "pyproject.toml").is_file()
    if python and not (root / ".venv").exists():
        return True
    return (root / "package.json").is_file() and not (root / "node_modules").exists()


def _uploaded(asked: Hub, into: Project, to: Environment, root: Path) -> tuple[Version, int]:
    """The version that the Hub made of the folder, and how many bytes were sent for it."""
    from wistro.hub_client import tree, uploading

    collected = tree.collect(root)
    if collected.is_git_missing:
        say.note("git is not installed, so .gitignore is not read: every file is sent")
    with Progress() as at:
        sent = uploading.send(
            asked,
            into,
            collected,
            on_progress=lambda now: at.show(
                f"uploading {now.files}/{now.of_files} files, "
                f"{say.size(now.bytes)} of {say.size(now.of_bytes)}"
            ),
        )
    return api.upload(asked, into, bundle=sent.bundle, environment=to.name), sent.bytes


def _followed(asked: Hub, version: Version, to: Environment) -> tuple[Version, Deployment | None]:
    patience = Patience(time.monotonic, time.sleep)
    built = follow_build(asked, version, patience)
    if built.state != "ready":
        return built, None
    return built, follow_deployment(asked, built, to.name, patience)


def _said_healthy(asked: Hub, version: Version, to: Environment, again: str) -> Environment:
    """Say what traffic it has now and what comes next; the environment as it is now."""
    from wistro.hub_client.following import newest
    from wistro.traffic.weights import percent

    now = api.one_environment(asked, to)
    here = newest(api.version(asked, version.id), to.name)
    weight = here.weight if here else 0
    share = f"version {version.number} in {to.name}, {percent(weight)} of traffic"
    say.done(
        "Healthy", share + (f": {to.name} holds its weights" if now.holds and not weight else "")
    )
    if weight:
        say.link(now.address)
        say.next_step(f"wistro logs {to.name} --follow{again}")
    else:
        say.next_step(f"wistro traffic {to.name} {version.number}=25%{again}")
    return now


def _told(
    json: bool,
    into: Project,
    version: Version,
    deployment: Deployment | None,
    environment: Environment,
    code: int,
) -> int:
    if json:
        say.data(
            {
                "project": into.label,
                "version": version.number,
                "id": version.id,
                "state": version.state,
                "problems": [
                    {"code": one.code, "message": one.message, "where": one.where, "hint": one.hint}
                    for one in version.problems
                ],
                "environment": environment.name,
                "address": environment.address,
                "deployment": deployment
                and {"id": deployment.id, "state": deployment.state, "error": deployment.error},
            }
        )
    return code
