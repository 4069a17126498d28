"""Say a build's lines and a deployment's way as they come; used by `deploy`, `versions --follow` and `promote`."""

from __future__ import annotations

from wistro.cli import say
from wistro.cli.progress import Progress
from wistro.errors import UserError
from wistro.hub_client import following
from wistro.hub_client.connection import Hub
from wistro.hub_client.following import Patience
from wistro.hub_client.shapes import BuildLine, Deployment, Problem, Version

SAID_AFTER_S = 5.0  # a build that nobody takes up for this long is mentioned, where no line moves


class VersionProblem(UserError):
    """What the builder found wrong with a version, in its own words and under its own code."""

    code = "deploy.build"

    def __init__(self, problem: Problem) -> None:
        super().__init__(
            say.plain(problem.message),
            hint=say.plain(problem.hint or ""),
            where=say.plain(problem.where or "") or None,
        )
        self.code = say.plain(problem.code)  # type: ignore[misc]


class NotHealthy(UserError):
    """A version that was built, and whose engine or steps did not start."""

    code = "deploy.unhealthy"


def follow_build(hub: Hub, version: Version, patience: Patience) -> Version:
    """The version once its build ended; its lines are said meanwhile."""
    began = patience.now()
    is_waiting, is_said = True, False
    with Progress() as at:

        def on_line(line: BuildLine) -> None:
            nonlocal is_waiting
            is_waiting = False
            at.hide()
            say.detail(say.plain(f"{line.stage:<10}  {line.text}").rstrip())

        def on_wait() -> None:
            nonlocal is_said
            passed = patience.now() - began
            at.show(f"{'waiting for a builder' if is_waiting else 'building'}, {passed:.0f} s")
            if is_waiting and not is_said and passed > SAID_AFTER_S:
                is_said = True
                at.hide()
                say.detail("queued      waiting for a builder")

        return following.build(hub, version, patience, on_line=on_line, on_wait=on_wait)


def follow_deployment(
    hub: Hub, version: Version, environment: str, patience: Patience
) -> Deployment | None:
    began = patience.now()
    with Progress() as at:

        def on_wait() -> None:
            at.show(f"starting in {environment}, {patience.now() - began:.0f} s")

        return following.deployment(hub, version, environment, patience, on_wait=on_wait)


def ended_badly(
    version: Version, deployment: Deployment | None, environment: str, again: str
) -> int:
    """0 when the deployment is healthy; else 1 after having said why it is not."""
    if version.state != "ready":
        for problem in version.problems:
            say.error(VersionProblem(problem))
        say.talk(f"version {version.number} {_was(version.state)}; {environment} is as it was")
        say.next_step(f"wistro versions {version.number}{again}")
        return 1
    if deployment is None:
        say.note(f"version {version.number} is ready, and is not started in {environment}")
        say.next_step(f"wistro promote {version.number} {environment}{again}")
        return 1
    if deployment.state == "failed":
        why = say.plain((deployment.error or "").strip().replace("\n", " | "))
        say.error(
            NotHealthy(
                f"version {version.number} did not start in {environment}: {why or 'no reason given'}",
                hint=f"`wistro logs {environment}{again}` shows what it said; its traffic is as it was.",
            )
        )
        return 1
    return 0


def _was(state: str) -> str:
    return {"failed": "could not be built", "superseded": "was superseded by a later one"}.get(
        state, f"was {state}"
    )
